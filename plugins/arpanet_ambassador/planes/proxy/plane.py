"""The proxy plane: a proxy that listens where clients dial the ambassador."""

import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from arpanet import Target
from arpanet_ambassador.planes import namespaces
from arpanet_ambassador.planes.namespaces import NotEntered
from arpanet_ambassador.planes.plane import Client, Frontend, Home, Pools, Troubles
from arpanet_ambassador.planes.proxy import early

if TYPE_CHECKING:  # it needs asyncio, and hosts where another plane carries all links need neither
    from arpanet_ambassador.planes.proxy.proxy import Proxy

__all__ = ["Proxied"]


class Proxied:
    """The links that no other plane carries; see :class:`~arpanet_ambassador.planes.plane.Plane`.

    :param holder: finds the container that clients are linked to, in whose namespace the proxy is
        to listen; without it, it listens where this process is.
    :param listener: makes what takes dials of clients that Docker has not told of yet.
    """

    name = "proxy"
    holds = True
    inside = False
    drift = 0

    def __init__(
        self,
        holder: Callable[[], Home | None] | None = None,
        verify: namespaces.Belongs = namespaces.belongs,
        listener: Callable[[], socket.socket | None] | None = None,
    ) -> None:
        self._holder, self._verify, self._early = holder, verify, listener
        self._proxy: Proxy | None = None
        self._lives_in: Home | None = None

    def refuses(self, frontend: Frontend, targets: Sequence[Target]) -> str:
        """TCP only, and not on the client's own loopback."""
        if frontend.protocol != "tcp":
            return "the proxy plane carries TCP only"
        if frontend.loopback:
            return (
                f"the proxy plane cannot serve localhost: declare BACKEND_{frontend.port} and dial "
                "the ambassador"
            )
        return ""

    def apply(self, clients: Mapping[str, Client], pools: Pools, check: bool = False) -> Troubles:
        """Listen on every port of *clients*, also of one that has no address yet: it starts."""
        routes: dict[str, dict[int, tuple[Target, ...]]] = {}
        waits: dict[tuple[str, int], float] = {}
        for client in clients.values():
            held = {one: link.pool for one, link in client.held.items()}
            for address in client.addresses:
                for frontend, pool in {**client.links, **held}.items():
                    routes.setdefault(address, {})[frontend.port] = pools.get(pool, ())
                waits |= {(address, one.port): link.wait for one, link in client.held.items()}
        every = [
            (key, one) for key, client in clients.items() for one in (*client.links, *client.held)
        ]
        ports = {one.port for _, one in every}
        if not ports and self._proxy is None and self._early is None:
            return {}
        try:
            blocked = self._there().update(routes, waits, ports)
        except (NotEntered, OSError) as problem:
            return dict.fromkeys(every, f"the proxy plane can't serve it: {problem}")
        return {(key, one): blocked[one.port] for key, one in every if one.port in blocked}

    def endpoints(self) -> frozenset[tuple[str, int]]:
        """Return where there are connections to now."""
        return self._proxy.endpoints() if self._proxy else frozenset()

    def drop(self, endpoint: tuple[str, int]) -> None:
        """Reset the connections to *endpoint*; may be called from any thread."""
        if proxy := self._proxy:
            proxy.drop(endpoint)

    def due(self) -> float | None:
        """Nothing: what keeps it from listening shows when containers change."""
        return None

    def clear(self, homes: Collection[Home]) -> Mapping[str, str]:
        """Nothing stays of it but the rules for early dials, where it was the only plane."""
        return namespaces.troubles(homes, early.forget, self._verify)

    def tidy(self, homes: Mapping[str, Home]) -> Mapping[str, str]:
        """The same of the one namespace in which they can be, if it is not this process's own."""
        home = self._holder() if self._holder else None
        return self.clear([home]) if home else {}

    def close(self) -> None:
        """Stop listening, reset all connections."""
        if self._proxy:
            self._proxy.close()
            self._proxy = None

    def _there(self) -> "Proxy":
        from arpanet_ambassador.planes.proxy.proxy import Proxy

        if self._holder is None:
            if self._proxy is None:
                self._proxy = Proxy(early=self._early() if self._early else None)
            return self._proxy
        home = self._holder()
        if home != self._lives_in:
            self.close()
        if home is None:
            raise NotEntered("the container that clients are linked to does not run")
        if self._proxy is None:
            self._proxy = namespaces.visit(home, Proxy, self._verify)
        self._lives_in = home
        return self._proxy
