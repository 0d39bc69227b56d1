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

_pool = lru_cache(1 << 10)(pack_pool)
_name = lru_cache(1 << 14)(pool_key)


class Kernel:
    """The links of one host. To be used from one thread, but for :meth:`flows`.

    :ivar drift: how many entries were found changed by somebody else, and put right.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._maps: dict[str, Map] = {}
        self._held: Entries = {}
        self._encoded: dict[int, tuple[Links, dict[bytes, bytes]]] = {}
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
        self._maps, self._held = {}, {}

    def _encode(self, table: Table) -> Entries:
        spaces = dict.fromkeys(map(pack_space, table.clients), pack_u32(SPACE))
        if table.host:
            spaces[pack_space(table.host)] = pack_u32(BY_CGROUP)
        before, self._encoded = self._encoded, {}
        links: dict[bytes, bytes] = {}
        for space, wanted in table.clients.items():
            known = before.get(space)
            if known is None or known[0] is not wanted:
                known = wanted, {pack_dialled(one): _name(pool) for one, pool in wanted.items()}
            self._encoded[space] = known
            links |= known[1]
        pools = {_name(name): _pool(targets) for name, targets in table.pools.items()}
        return {"pools": pools, "links": links, "spaces": spaces}

    # -- the kernel's side -----------------------------------------------------------------------

    def _open(self, maps: dict[str, Map] | None) -> None:
        self._maps = maps or {}
        self._held = self._read()

    def _install(self, wanted: Entries) -> dict[bytes, str]:
        """Install the programs with their maps filled; return links -> why they are not there."""
        full: dict[bytes, str] = {}

        def fill(maps: dict[str, Map]) -> None:
            self._open(maps)
            full.update(self._write(wanted))

        try:
            self._installation.install(fill)
        except BaseException:
            self._maps, self._held = {}, {}
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
            changed = len(dict(found[name].items() ^ self._held[name].items()))
            if changed:
                self.drift += changed
                log.warning("socket plane: somebody changed %d of its %s", changed, name)
        self._held = found

    def _write(self, wanted: Entries) -> dict[bytes, str]:
        """Write what differs; return links -> why they could not be written."""
        full = self._add(wanted)
        if self._remove(wanted) and full:  # there may be room now
            full = self._add(wanted)
        return full

    def _add(self, wanted: Entries) -> dict[bytes, str]:
        full: dict[bytes, str] = {}
        for name in _ORDER:
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
        for name in reversed(_ORDER):
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
