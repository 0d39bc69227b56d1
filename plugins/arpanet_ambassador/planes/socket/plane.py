"""The socket plane: links are translated when a socket is connected; nothing is done to packets."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from arpanet import Target
from arpanet_ambassador.planes import detour, namespaces
from arpanet_ambassador.planes.plane import (
    LOOPBACK,
    Client,
    Frontend,
    Home,
    Pools,
    Troubles,
)
from arpanet_ambassador.planes.socket import table
from arpanet_ambassador.planes.socket.host import Host, Unavailable
from arpanet_ambassador.planes.socket.installing import Installation
from arpanet_ambassador.planes.socket.kernel import Kernel
from arpanet_ambassador.planes.socket.layout import (
    ANY_LOOPBACK,
    CGROUP,
    Address,
    Dialled,
    Flow,
    Seen,
    Traffic,
    Use,
)
from arpanet_ambassador.planes.socket.pins import Pins
from arpanet_ambassador.planes.socket.spaces import Spaces

__all__ = ["Sockets"]

log = logging.getLogger(__name__)

#: Seconds until a host that couldn't have the plane is asked again: little of it ever changes.
RETRY = 30.0

#: Client and what it dials -> why that is not in the maps.
Lost = dict[tuple[str, Frontend], str]


class Sockets:
    """All clients of this host; see :class:`~arpanet_ambassador.planes.plane.Plane`.

    :param host: the host, where it is not the one of process 1.
    """

    name = "socket"
    holds = False
    inside = True

    def __init__(
        self,
        verify: namespaces.Belongs = namespaces.belongs,
        host: Host | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._verify, self._clock = host or Host(), verify, clock
        self._spaces = Spaces(self._host, verify)
        self._kernel: Kernel | None = None
        self._cookie = 0
        self._clients: Mapping[str, Client] | None = None  # all that follows was made of them
        self._known: dict[str, _Known] = {}
        self._links: dict[Dialled, tuple[str, Frontend]] = {}
        self._dialled: Mapping[int, table.Links] = {}
        self._lost: Lost = {}
        self._full: Lost = {}
        self._used: set[str] = set()
        self._root = 0
        self._pools: dict[str, tuple[tuple[Target, ...], tuple[Address, ...]]] = {}
        self._trouble, self._retry_at = "", 0.0

    @property
    def drift(self) -> int:
        """How many entries were found changed by somebody else, and put right."""
        return self._kernel.drift if self._kernel else 0

    def refuses(self, frontend: Frontend, targets: Sequence[Target]) -> str:
        """IPv6 targets can be had by IPv6 sockets only, and so where ``::1`` is dialled."""
        first = targets and ":" in targets[0].ip  # asked for many kinds of links with each change
        if first and frontend.address != LOOPBACK and all(":" in one.ip for one in targets):
            return "its addresses are IPv6, and what is dialled is IPv4"
        return ""

    def apply(self, clients: Mapping[str, Client], pools: Pools, check: bool = False) -> Troubles:
        """Write the entries that differ; *check* reads what the kernel holds first."""
        if self._trouble and self._clock() < self._retry_at:
            return dict.fromkeys(_every(clients), self._trouble)
        try:
            wanted, troubles = self._table(clients, pools)
            full = self._ready().apply(wanted, check)
        except Unavailable as problem:
            if str(problem) != self._trouble:
                log.warning("no socket plane: %s", problem)
            self._trouble, self._retry_at = str(problem), self._clock() + RETRY
            return dict.fromkeys(_every(clients), self._trouble)
        self._trouble = ""
        return troubles | {self._links[one]: why for one, why in full.items()}

    def due(self) -> float | None:
        """See :class:`~arpanet_ambassador.planes.plane.Plane`."""
        return max(0.0, self._retry_at - self._clock()) if self._trouble else None

    def clear(self, homes: Collection[Home]) -> Mapping[str, str]:
        """Detach the programs, and take away what led dials elsewhere, if nothing uses it."""
        self.close()
        troubles = namespaces.troubles(homes, detour.remove, self._verify)
        try:
            place = self._host.mounted_bpffs()
            if place and Installation(self._host, Pins(place, self._host.cookie())).remove():
                log.info("the socket plane is removed")
        except (Unavailable, OSError) as problem:
            return {**troubles, self.name: str(problem)}
        return troubles

    def tidy(self, homes: Mapping[str, Home]) -> Mapping[str, str]:
        """What led dials elsewhere and is used no more; the maps themselves tell whose they are."""
        return namespaces.troubles(homes.values(), detour.remove, self._verify)

    def close(self) -> None:
        """Let go of the maps."""
        if self._kernel:
            self._kernel.close()

    def uses(self) -> dict[tuple[str, Frontend], Use]:
        """Return how often each link was used."""
        used = self._kernel.uses() if self._kernel else {}
        return {self._links[one]: use for one, use in used.items() if one in self._links}

    def seen(self) -> list[Seen]:
        """Return who talked to whom, declared or not."""
        keys = self._keys()
        return [
            Seen(keys[flow.dialled.space], flow.dialled, flow.target, traffic)
            for flow, traffic in self._flows().items()
            if flow.dialled.space in keys
        ]

    def reached(self) -> dict[str, frozenset[Address]]:
        """Return where each client's links have led lately: its sockets show these addresses.

        May be called from any thread.
        """
        return self._reached(self._flows())

    def linked(self) -> dict[str, frozenset[Address]]:
        """Return the same without what an app there has dialled itself: no socket tells which.

        May be called from any thread.
        """
        every, keys = self._flows(), self._keys()  # one look: dials under way wait for it
        found = self._reached(every)
        for flow in every:
            client = keys.get(flow.dialled.space, "")
            if client in found and flow.target == (flow.dialled.address, flow.dialled.port):
                found[client] -= {flow.target}
        return found

    def _flows(self) -> Mapping[Flow, Traffic]:
        return self._kernel.flows() if self._kernel else {}

    def _keys(self) -> Mapping[int, str]:
        return {known.space: key for key, known in self._known.items()}

    def _reached(self, every: Iterable[Flow]) -> dict[str, frozenset[Address]]:
        found: dict[str, set[Address]] = {}
        links = self._links
        for flow in every:
            link = links.get(flow.dialled) or links.get(_any(flow.dialled))
            if link and flow.target:
                found.setdefault(link[0], set()).add(flow.target)
        return {key: frozenset(targets) for key, targets in found.items()}

    # -- one table -------------------------------------------------------------------------------

    def _ready(self) -> Kernel:
        if self._kernel is None:
            pins = Pins(self._host.bpffs(), self._cookie)
            self._kernel = Kernel(Installation(self._host, pins))
        return self._kernel

    def _table(self, clients: Mapping[str, Client], pools: Pools) -> tuple[table.Table, Lost]:
        """Return what the maps are to hold, and why some of *clients*' links can't be in them."""
        self._cookie = self._cookie or self._host.cookie()
        if clients is not self._clients or self._lost:
            self._described(clients)
        chosen = {name: self._targets(name, pools.get(name, ())) for name in self._used}
        self._pools = chosen
        addresses = {name: known[1] for name, known in chosen.items()}
        return table.Table(self._dialled, addresses, self._root), self._lost | self._full

    def _described(self, clients: Mapping[str, Client]) -> None:
        """Note what *clients* are to the maps: of a thousand, few ever change."""
        spaces, why = self._spaces.find({client.home for client in clients.values()})
        lost, known = dict[tuple[str, Frontend], str](), dict[str, _Known]()
        for key, client in clients.items():
            space = spaces.get(client.home)
            if space is None:
                lost |= dict.fromkeys(((key, one) for one in client.links), why[client.home])
                continue
            before = self._known.get(key)
            same = before and (before.space, before.client.links) == (space, client.links)
            known[key] = before if before and same else _Known.of(space, client)
        # each as a whole: another thread asks who talks to whom
        self._known = known
        self._links = {
            one: (key, frontend)
            for key, each in known.items()
            for one, frontend in zip(each.dialled, each.client.links, strict=True)
        }
        every = {each.space: each.dialled for each in known.values()}
        self._dialled, full = table.fitting(every)
        self._full = {self._links[one]: why for one, why in full.items()}
        self._used = {name for links in self._dialled.values() for name in links.values()}
        self._root = self._cookie if any(space & CGROUP for space in every) else 0
        self._clients, self._lost = clients, lost

    def _targets(
        self, name: str, targets: tuple[Target, ...]
    ) -> tuple[tuple[Target, ...], tuple[Address, ...]]:
        """Return *targets*, with what the maps have of them: of before, while they are the same."""
        known = self._pools.get(name)
        if known and known[0] is targets:
            return known
        return targets, table.choose([(one.ip, one.port) for one in targets], str(self._cookie))


def _every(clients: Mapping[str, Client]) -> list[tuple[str, Frontend]]:
    return [(key, one) for key, client in clients.items() for one in client.links]


class _Known(NamedTuple):
    """A client as the maps know it: kept, since of a thousand clients' links few ever change."""

    space: int
    client: Client
    dialled: Mapping[Dialled, str]

    @classmethod
    def of(cls, space: int, client: Client) -> "_Known":
        dialled = {}
        for frontend, pool in client.links.items():
            address = ANY_LOOPBACK if frontend.address == LOOPBACK else frontend.address
            dialled[Dialled(space, address, frontend.port, frontend.protocol)] = pool
        return cls(space, client, dialled)


def _any(dialled: Dialled) -> Dialled:
    """Return what *dialled* is where all of loopback is meant."""
    loopback = dialled.address.startswith("127.") or dialled.address == "::1"
    return dialled._replace(address=ANY_LOOPBACK) if loopback else dialled
