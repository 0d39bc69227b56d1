"""The socket plane: links are translated when a socket is connected; nothing is done to packets."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from arpanet import Target
from arpanet_ambassador.planes import namespaces
from arpanet_ambassador.planes.plane import LOOPBACK, Client, Frontend, Home, Troubles
from arpanet_ambassador.planes.socket import table
from arpanet_ambassador.planes.socket.host import Host, Unavailable
from arpanet_ambassador.planes.socket.installing import Installation
from arpanet_ambassador.planes.socket.kernel import Kernel
from arpanet_ambassador.planes.socket.layout import ANY_LOOPBACK, Address, Dialled, Seen, Use
from arpanet_ambassador.planes.socket.pins import Pins
from arpanet_ambassador.planes.socket.spaces import Spaces

__all__ = ["Sockets"]

log = logging.getLogger(__name__)

#: Seconds until a host that couldn't have the plane is asked again: little of it ever changes.
RETRY = 30.0


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
        self._host, self._clock = host or Host(), clock
        self._spaces = Spaces(self._host, verify)
        self._kernel: Kernel | None = None
        self._cookie = 0
        self._known: dict[str, _Known] = {}
        self._links: dict[Dialled, tuple[str, Frontend]] = {}
        self._pools: dict[str, tuple[tuple[Target, ...], tuple[Address, ...]]] = {}
        self._trouble, self._retry_at = "", 0.0

    @property
    def drift(self) -> int:
        """How many entries were found changed by somebody else, and put right."""
        return self._kernel.drift if self._kernel else 0

    def refuses(self, frontend: Frontend, targets: Sequence[Target]) -> str:
        """IPv6 targets can be had by IPv6 sockets only, and so where ``::1`` is dialled."""
        first = targets and ":" in targets[0].ip  # asked for thousands of links with each change
        if first and frontend.address != LOOPBACK and all(":" in one.ip for one in targets):
            return "its addresses are IPv6, and what is dialled is IPv4"
        return ""

    def apply(self, clients: Mapping[str, Client], check: bool = False) -> Troubles:
        """Write the entries that differ; *check* reads what the kernel holds first."""
        if self._trouble and self._clock() < self._retry_at:
            return dict.fromkeys(_every(clients), self._trouble)
        try:
            wanted, troubles = self._table(clients)
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
        """Detach the programs; nothing of this plane is in the clients themselves."""
        self.close()
        try:
            place = self._host.mounted_bpffs()
            if place and Installation(self._host, Pins(place, self._host.cookie())).remove():
                log.info("the socket plane is removed")
        except (Unavailable, OSError) as problem:
            return {self.name: str(problem)}
        return {}

    def tidy(self, homes: Mapping[str, Home]) -> Mapping[str, str]:
        """Nothing: the maps themselves tell whose links they have."""
        return {}

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
        keys = {known.space: key for key, known in self._known.items()}
        every = self._kernel.flows() if self._kernel else {}
        return [
            Seen(keys[flow.dialled.space], flow.dialled, flow.target, traffic)
            for flow, traffic in every.items()
            if flow.dialled.space in keys
        ]

    def reached(self) -> dict[str, frozenset[Address]]:
        """Return where each client's links have led lately: its sockets show these addresses.

        May be called from any thread.
        """
        found: dict[str, set[Address]] = {}
        links = self._links
        for flow in self._kernel.flows() if self._kernel else ():
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

    def _table(
        self, clients: Mapping[str, Client]
    ) -> tuple[table.Table, dict[tuple[str, Frontend], str]]:
        self._cookie = self._cookie or self._host.cookie()
        spaces, lost = self._spaces.find({client.home for client in clients.values()})
        troubles: dict[tuple[str, Frontend], str] = {}
        pools: dict[str, tuple[Target, ...]] = {}
        before, now = self._known, dict[str, _Known]()
        same = len(before) == len(clients)
        for key, client in clients.items():
            space = spaces.get(client.home)
            if space is None:
                troubles |= dict.fromkeys(((key, one) for one in client.links), lost[client.home])
                continue
            known = before.get(key)
            if known is None or not known.describes(space, client):
                known = _described(space, key, client)
                same = False
            now[key] = known
            for pool, targets in zip(known.dialled.values(), client.links.values(), strict=True):
                pools[pool] = targets
        self._known = now  # as a whole: another thread asks who talks to whom
        if not same:
            links: dict[Dialled, tuple[str, Frontend]] = {}
            for known in self._known.values():
                links |= known.links
            self._links = links
        found = {known.space: known.dialled for known in self._known.values()}
        self._pools = {pool: self._addresses(pool, targets) for pool, targets in pools.items()}
        addresses = {pool: known for pool, (_, known) in self._pools.items()}
        wanted, full = table.make(found, addresses, self._cookie)
        return wanted, troubles | {self._links[one]: why for one, why in full.items()}

    def _addresses(
        self, pool: str, targets: tuple[Target, ...]
    ) -> tuple[tuple[Target, ...], tuple[Address, ...]]:
        """Return *targets*, with what the maps have of them: of before, while they are the same."""
        known = self._pools.get(pool)
        if known and known[0] is targets:
            return known
        return targets, tuple((one.ip, one.port) for one in targets)


def _every(clients: Mapping[str, Client]) -> list[tuple[str, Frontend]]:
    return [(key, one) for key, client in clients.items() for one in client.links]


@dataclass(frozen=True)
class _Known:
    """A client as the maps know it: kept, since of a thousand clients' links few ever change."""

    space: int
    client: Client
    dialled: Mapping[Dialled, str]
    links: Mapping[Dialled, tuple[str, Frontend]]

    def describes(self, space: int, client: Client) -> bool:
        """Tell whether *client*'s links are the same ones, wherever they lead."""
        if self.space != space:
            return False
        if self.client is client:
            return True
        # also where their sources are the very same: a plane refuses links by where they lead
        return [*self.client.links] == [*client.links] and (
            self.client.sources is client.sources or self.client.sources == client.sources
        )


def _described(space: int, key: str, client: Client) -> _Known:
    dialled, links = {}, {}
    for frontend in client.links:
        address = ANY_LOOPBACK if frontend.address == LOOPBACK else frontend.address
        one = Dialled(space, address, frontend.port, frontend.protocol)
        dialled[one] = client.sources.get(frontend) or f"{key} {frontend}"
        links[one] = key, frontend
    return _Known(space, client, dialled, links)


def _any(dialled: Dialled) -> Dialled:
    """Return what *dialled* is where all of loopback is meant."""
    loopback = dialled.address.startswith("127.") or dialled.address == "::1"
    return dialled._replace(address=ANY_LOOPBACK) if loopback else dialled
