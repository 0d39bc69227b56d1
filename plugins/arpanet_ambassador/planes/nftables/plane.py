"""The nftables plane: makes each client's namespace hold its table, and keeps it so."""

import errno
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from arpanet import Target
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.namespaces import Gone
from arpanet_ambassador.planes.nftables import datagrams, nft
from arpanet_ambassador.planes.nftables.ruleset import REMOVE, TABLE, Table, carried, render
from arpanet_ambassador.planes.plane import Client, Frontend, Home, Pools, Troubles

__all__ = ["Nftables"]

log = logging.getLogger(__name__)

#: Seconds until a failed namespace is tried again: doubled each time, up to the second.
RETRY, RETRY_MOST = 1.0, 30.0
#: For all interfaces, also those that come later: always of the namespace that the caller is in.
LOCALNET = Path("/proc/sys/net/ipv4/conf/all/route_localnet")
#: The same as the host sees it: a container's own is read-only.
HOSTS_LOCALNET = Path(f"/proc/1/root{LOCALNET}")


@dataclass
class _Held:
    """What was last done in a namespace.

    :ivar left: what was there after it.
    """

    table: Table
    left: "_Left | None" = None
    trouble: str = ""
    failures: int = 0
    retry_at: float = 0.0


class Nftables:
    """All clients' namespaces on this host; see :class:`~arpanet_ambassador.planes.plane.Plane`."""

    name = "nftables"
    holds = False
    inside = True

    def __init__(
        self,
        verify: namespaces.Belongs = namespaces.belongs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verify, self._clock = verify, clock
        self.drift = 0
        self._held: dict[str, _Held] = {}

    def refuses(self, frontend: Frontend, targets: Sequence[Target]) -> str:
        """IPv4 only, since that is what the client's packets are."""
        if targets and not carried(targets):
            return "its addresses are IPv6, and the nftables plane carries IPv4 only"
        return ""

    def apply(self, clients: Mapping[str, Client], pools: Pools, check: bool = False) -> Troubles:
        """Touch only what differs from what was done last; *check* compares the rest, too."""
        asked = {key: _table(client, pools) for key, client in clients.items()}
        gone = self._held.keys() - clients.keys()
        wanted = {**asked, **{key: replace(self._held[key].table, links={}) for key in gone}}
        jobs: dict[Home, Callable[[], _Left]] = {}
        for key, table in wanted.items():
            known = self._held.get(key)
            if known is None or self._differs(table, known):
                jobs[table.home] = partial(_make, table, known)
            elif check and known.left:
                jobs[table.home] = partial(_repair, table, known.left)
        came = namespaces.visit_all(jobs, self._verify)
        for key, table in wanted.items():
            if table.home in came:
                self._note(key, table, came[table.home])
        lost = {key: str(came[one.home]) for key, one in asked.items() if key not in self._held}
        return {
            **{
                (key, frontend): held.trouble
                for key, held in self._held.items()
                if held.trouble
                for frontend in held.table.links
            },
            **{(key, one): why for key, why in lost.items() for one in asked[key].links},
        }

    def due(self) -> float | None:
        """See :class:`~arpanet_ambassador.planes.plane.Plane`."""
        times = [held.retry_at for held in self._held.values() if held.trouble]
        return max(0.0, min(times) - self._clock()) if times else None

    def clear(self, homes: Collection[Home]) -> Mapping[str, str]:
        """Remove the tables: they are the only thing that is left of this plane."""
        return namespaces.troubles(homes, _remove, self._verify)

    def tidy(self, homes: Mapping[str, Home]) -> Mapping[str, str]:
        """The same of those that are not this plane's clients: they may once have been."""
        return self.clear([home for key, home in homes.items() if key not in self._held])

    def close(self) -> None:
        """Hold nothing that has to be let go of."""

    def _differs(self, table: Table, held: _Held) -> bool:
        if held.trouble and held.table == table:
            return self._clock() >= held.retry_at
        return held.table != table

    def _note(self, key: str, table: Table, came: "_Left | Exception") -> None:
        held = self._held.get(key)
        if isinstance(came, Gone):
            self._held.pop(key, None)
        elif isinstance(came, Exception):
            failures = held.failures + 1 if held and held.table == table else 1
            wait = min(RETRY * 2.0 ** (failures - 1), RETRY_MOST)
            if not held or held.trouble != str(came):
                log.warning("container %.12s: %s", table.home.container, came)
            self._held[key] = _Held(table, None, str(came), failures, self._clock() + wait)
        elif not table.links:
            self._held.pop(key, None)
        else:
            if came.repaired:
                self.drift += 1
                words = "container %.12s: somebody changed its links; put right again"
                log.warning(words, table.home.container)
            self._held[key] = _Held(table, replace(came, repaired=False))


# -- done inside a namespace ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Left:
    """What a visit left behind.

    :ivar generation: the kernel's number of the rule set; *cookie*, of the namespace.
    :ivar rules: how many rules are ours, and what they come to.
    """

    generation: int
    cookie: int
    rules: tuple[int, int]
    repaired: bool = False


def _rules(most: int | None = None) -> tuple[int, int]:
    found = tuple(islice(netlink.rules(TABLE), most))
    return len(found), hash(found)


def _table(client: Client, pools: Pools) -> Table:
    return Table(client.home, {one: pools.get(pool, ()) for one, pool in client.links.items()})


def _on_loopback(table: Table) -> bool:
    return any(one.loopback for one in table.links)


def _make(table: Table, before: _Held | None) -> _Left:
    text, cookie = render(table), namespaces.cookie()
    left = before.left if before else None
    if before and left and cookie and left.cookie == cookie and render(before.table) == text:
        return left  # Docker has announced what was seen to start
    # first the routes: the kernel drops what rules send from loopback where there is none, and the
    # app's next attempt comes after a second
    if _on_loopback(table):
        _route_localnet(True)
    # what is replaced, the kernel throws away before it closes a socket: some ten milliseconds, for
    # which a client that starts, and has nothing there, must not wait
    nft.run(text if any(netlink.chains(TABLE)) else text.removeprefix(REMOVE))
    if before and _on_loopback(before.table) and not _on_loopback(table):
        _route_localnet(False)
    datagrams.follow(table.links)
    rules = _rules()
    return _Left(netlink.generation(), cookie, rules)


def _repair(table: Table, left: _Left) -> _Left:
    if _on_loopback(table):
        _route_localnet(True)
    if netlink.generation() == left.generation:
        return left
    # others have tables here, too: was it ours that changed? Who may change it may also fill it:
    # more than there should be is not read
    ours = _rules(left.rules[0] + 1) != left.rules
    return replace(_make(table, None), repaired=ours)


def _remove() -> None:
    found = list(netlink.chains(TABLE))
    if found:
        nft.run(REMOVE)
    if any(b"guard\0" in one for one in found):
        _route_localnet(False)


def _route_localnet(on: bool) -> None:
    try:
        LOCALNET.write_text(str(int(on)))
    except OSError as problem:
        if problem.errno != errno.EROFS:
            raise
        HOSTS_LOCALNET.write_text(str(int(on)))
