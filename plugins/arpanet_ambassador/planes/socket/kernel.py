"""Makes the maps of the kernel hold a table, and keeps them so.

A change is one entry of a map: nothing is started, no packet is touched. What is in the maps goes
on without any process of arpanet's.
"""

import errno
import logging
from functools import lru_cache

from arpanet_ambassador.planes.socket.installing import Installation
from arpanet_ambassador.planes.socket.layout import (
    BY_CGROUP,
    MAPS,
    SPACE,
    Address,
    Dialled,
    Flow,
    Traffic,
    Use,
    new_link,
    pack_dialled,
    pack_pool,
    pack_space,
    pack_u32,
    pool_key,
    pool_of_link,
    unpack_dialled,
    unpack_flow,
    unpack_use,
)
from arpanet_ambassador.planes.socket.maps import Map
from arpanet_ambassador.planes.socket.table import Links, Table

__all__ = ["Kernel"]

log = logging.getLogger(__name__)

#: Map -> its entries; of a link only the pool, since the kernel counts in the rest.
Entries = dict[str, dict[bytes, bytes]]
#: What is written first is pointed to by what is written next; what goes, goes the other way round.
_ORDER = ("pools", "links", "spaces")

_name = lru_cache(1 << 14)(pool_key)


class Kernel:
    """The links of one host. To be used from one thread, but for :meth:`flows`.

    :ivar drift: how many entries were found changed by somebody else, and put right.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._maps: dict[str, Map] = {}
        self._held: Entries = {}
        self._settled: Entries = {}  # what was written in full, and found in the kernel since
        self._table = Table()
        self._encoded: dict[int, tuple[Links, dict[bytes, bytes]]] = {}
        self._links: dict[bytes, bytes] = {}
        self._spaces: dict[bytes, bytes] = {}
        self._packed: dict[str, tuple[tuple[Address, ...], bytes]] = {}
        self.drift = 0

    def apply(self, table: Table, check: bool = False) -> dict[Dialled, str]:
        """Make the kernel hold *table*; return what it can't -> one sentence that says why.

        Writes only what differs from what was written last. The first call installs the programs,
        or finds them as an earlier process has left them.

        :param check: compare with what the kernel holds, too, and put it right.
        :raises Unavailable: this host can't have the plane; what was in force still is.
        """
        wanted = self._encode(table)
        if not self._maps:
            self._open(self._installation.reopen())
        elif check and not self._installation.whole():
            log.warning("pins of the socket plane are missing; installing it again")
            self.drift += 1
            self.close()
        elif check:
            self._compare()
        full = self._write(wanted) if self._maps else self._install(wanted)
        if check:
            self._sweep()
        return {unpack_dialled(key): why for key, why in full.items()}

    def uses(self) -> dict[Dialled, Use]:
        """Return how often each link was used, since it is there."""
        links = self._maps["links"].items() if self._maps else ()
        return {unpack_dialled(key): unpack_use(value) for key, value in links}

    def flows(self) -> dict[Flow, Traffic]:
        """Return who talks to whom, declared or not, of the clients that there are."""
        maps = self._maps  # as they were: another thread than the planes' may ask
        flows = maps["flows"].items() if maps else ()
        known = self._held.get("spaces", {})
        return dict(unpack_flow(key, value) for key, value in flows if key[:8] in known)

    def close(self) -> None:
        """Let go of the maps; the programs and what the maps hold stay."""
        for one in self._maps.values():
            one.close()
        self._maps, self._held, self._settled = {}, {}, {}

    def _encode(self, table: Table) -> Entries:
        if table.clients is not self._table.clients or table.host != self._table.host:
            self._encode_links(table)
        self._table = table
        before, self._packed = self._packed, {}
        for name, targets in table.pools.items():
            known = before.get(name)
            if known is None or known[0] is not targets:
                known = targets, pack_pool(targets)
            self._packed[name] = known
        pools = {_name(name): packed for name, (_, packed) in self._packed.items()}
        return {"pools": pools, "links": self._links, "spaces": self._spaces}

    def _encode_links(self, table: Table) -> None:
        self._spaces = dict.fromkeys(map(pack_space, table.clients), pack_u32(SPACE))
        if table.host:
            self._spaces[pack_space(table.host)] = pack_u32(BY_CGROUP)
        before, self._encoded, self._links = self._encoded, {}, {}
        for space, wanted in table.clients.items():
            known = before.get(space)
            if known is None or known[0] is not wanted:
                known = wanted, {pack_dialled(one): _name(pool) for one, pool in wanted.items()}
            self._encoded[space] = known
            self._links |= known[1]

    # -- the kernel's side -----------------------------------------------------------------------

    def _open(self, maps: dict[str, Map] | None) -> None:
        self._maps = maps or {}
        self._held, self._settled = self._read(), {}

    def _install(self, wanted: Entries) -> dict[bytes, str]:
        """Install the programs with their maps filled; return links -> why they are not there."""
        full: dict[bytes, str] = {}

        def fill(maps: dict[str, Map]) -> None:
            self._open(maps)
            full.update(self._write(wanted))

        try:
            self._installation.install(fill)
        except BaseException:
            self._maps, self._held, self._settled = {}, {}, {}
            raise
        return full

    def _read(self) -> Entries:
        found = {name: dict(self._maps[name].items()) for name in _ORDER if self._maps}
        if found:
            found["links"] = {key: pool_of_link(value) for key, value in found["links"].items()}
        return found

    def _compare(self) -> None:
        found = self._read()
        for name in _ORDER:
            if found[name] == self._held[name]:
                continue  # thousands of entries: those of before are kept, not the same once more
            changed = len(dict(found[name].items() ^ self._held[name].items()))
            self.drift += changed
            log.warning("socket plane: somebody changed %d of its %s", changed, name)
            self._held[name] = found[name]
            self._settled.pop(name, None)

    def _write(self, wanted: Entries) -> dict[bytes, str]:
        """Write what differs; return links -> why they could not be written."""
        full = self._add(wanted)
        if self._remove(wanted) and full:  # there may be room now
            full = self._add(wanted)
        self._settled = {} if full else dict(wanted)
        return full

    def _differing(self, wanted: Entries) -> list[str]:
        """Return the maps that may have to be written: mostly, thousands of links stay."""
        return [name for name in _ORDER if self._settled.get(name) is not wanted[name]]

    def _add(self, wanted: Entries) -> dict[bytes, str]:
        full: dict[bytes, str] = {}
        for name in self._differing(wanted):
            held = self._held[name]
            for key, value in wanted[name].items() - held.items():
                if name == "links" and value not in self._held["pools"]:
                    full[key] = _full("pools")
                elif self._set(name, key, new_link(value) if name == "links" else value):
                    held[key] = value
                elif name == "links":
                    full[key] = _full(name)
                elif name == "spaces":
                    mine = (one for one in wanted["links"] if one.startswith(key))
                    full |= dict.fromkeys(mine, _full(name))
        return full

    def _remove(self, wanted: Entries) -> bool:
        removed = False
        for name in reversed(self._differing(wanted)):
            held = self._held[name]
            for key in held.keys() - wanted[name].keys():
                self._maps[name].delete(key)
                del held[key]
                removed = True
        return removed

    def _set(self, name: str, key: bytes, value: bytes) -> bool:
        try:
            self._maps[name].set(key, value)
        except OSError as problem:
            if problem.errno != errno.E2BIG:
                raise
            return False
        return True

    def _sweep(self) -> None:
        """Forget the flows of clients that are gone."""
        flows, known = self._maps["flows"], self._held["spaces"]
        for key in [key for key, _ in flows.items() if key[:8] not in known]:
            flows.delete(key)


def _full(name: str) -> str:
    return f"the socket plane's table of {name} is full: it takes {MAPS[name].entries}"
