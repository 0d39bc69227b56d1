"""Connections to instances that are gone: found, and reset in the client's namespace.

An instance that stops says goodbye itself. One whose host lost power, or that was cut off, leaves
connections that hang for as long as nobody sends, and for minutes when somebody does. The registry
alone can't tell: a host that lost its masters, but not its network, still serves. So what the
registry no longer knows, and a connection here leads to, is dialled first, and only what doesn't
answer is reset.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from arpanet import Instance, Snapshot, sockets
from arpanet_ambassador.flows.dialling import Endpoint, dialled
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.links.resolve import endpoint, published
from arpanet_ambassador.links.specs import Service
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.plane import Frontend, Home, is_dialled

__all__ = ["Endpoints", "Reaper", "Watch", "strays", "watches"]

log = logging.getLogger(__name__)

#: By the kernel's tracking, where packets are sent elsewhere; by the socket, where it is connected
#: to the instance itself.
Stray = Flow | sockets.Connection


@dataclass(frozen=True)
class Watch:
    """One namespace whose connections are looked at: what its apps dial for services.

    :ivar key: as a plane calls the client.
    """

    home: Home
    frontends: frozenset[Frontend] = frozenset()
    key: str = ""


class Endpoints:
    """Every address that leads to an instance; a change costs what it touches.

    Container addresses are used again and again: those of another host say nothing of this one's.
    """

    def __init__(self) -> None:
        self._host = ""
        self._snapshot = Snapshot()
        self._counts: dict[Endpoint, int] = {}
        self._found: frozenset[Endpoint] = frozenset()

    def of(self, snapshot: Snapshot, host: str) -> frozenset[Endpoint]:
        """Return those of *snapshot*, as seen from *host*, which is always the same one."""
        self._host = host
        changed = snapshot.diff(self._snapshot).instances
        for key in changed:
            self._count(self._snapshot.instances.get(key), -1)
            self._count(snapshot.instances.get(key), 1)
        if changed:
            self._found = frozenset(self._counts)
        self._snapshot = snapshot
        return self._found

    def _count(self, instance: Instance | None, more: int) -> None:
        for one in self._addresses(instance):
            self._counts[one] = self._counts.get(one, 0) + more
            if not self._counts[one]:
                del self._counts[one]

    def _addresses(self, instance: Instance | None) -> list[Endpoint]:
        if instance is None:
            return []
        own = instance.local.values() if instance.host == self._host else ()
        return [one for one in (published(instance), *map(endpoint, own)) if one]


def watches(plan: Plan) -> tuple[Watch, ...]:
    """Return the namespaces with links to services; no one declares fixed addresses gone."""
    found: dict[str, set[Frontend]] = {}
    for link, frontends in zip(plan.ground.links, plan.ground.frontends, strict=True):
        if isinstance(link.spec, Service) and frontends:
            found.setdefault(link.namespace, set()).update(frontends)
    alike: dict[frozenset[Frontend], frozenset[Frontend]] = {}  # as most of a host's clients are
    each = {key: frozenset(frontends) for key, frontends in found.items()}
    return tuple(
        Watch(plan.clients[key].home, alike.setdefault(each[key], each[key]), key)
        for key in sorted(each)
    )


def strays(flows: Iterable[Flow], watch: Watch, known: Collection[Endpoint]) -> list[Flow]:
    """Return those of *flows* that are links of *watch* and lead to no *known* endpoint."""
    return [
        flow
        for flow in flows
        if flow.target not in known and is_dialled(flow.dialled, watch.frontends)
    ]


class Reaper:
    """Looks for stray connections, in a thread of its own.

    :param held: tells where connections lead that are in no client's namespace (the proxy's).
    :param dropped: told of each endpoint that is gone, for those.
    :param reached: tells where each client's links have led, by ``Watch.key``, of clients whose
        sockets show that themselves (the socket plane's).
    :ivar reset: how many connections were reset.
    :ivar suspicious: whether what the registry lost still answered, and is to be looked at again.
    """

    def __init__(
        self,
        held: Callable[[], frozenset[Endpoint]],
        dropped: Callable[[Endpoint], None],
        verify: namespaces.Belongs = namespaces.belongs,
        reached: Callable[[], Mapping[str, frozenset[Endpoint]]] = dict,
    ) -> None:
        self._held, self._dropped, self._verify = held, dropped, verify
        self._reached = reached
        self.reset = 0
        self.suspicious = False
        self._known: frozenset[Endpoint] | None = None
        self._lost: frozenset[Endpoint] = frozenset()
        self._news = threading.Condition()
        self._newest: tuple[Watch, ...] | None = None
        self._started = False

    def look(
        self, watched: tuple[Watch, ...], known: frozenset[Endpoint], check: bool = False
    ) -> None:
        """Look soon, in case *known* lost something, or *check* and there was something before."""
        with self._news:
            before, self._known = self._known, known
            lost = (before or frozenset()) - known
            self._lost = (self._lost | lost) - known
            if before is not None and not lost and not (check and self.suspicious):
                return
            self._newest = watched
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="flows", daemon=True).start()
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None)
                watched, self._newest = self._newest, None
                known, lost = self._known or frozenset(), self._lost
            try:
                self.reap(watched or (), known, lost)
            except Exception:
                if threading.main_thread().is_alive():  # else it failed since the process ends
                    log.exception("looking for stuck connections failed")

    def reap(
        self,
        watched: Iterable[Watch],
        known: frozenset[Endpoint],
        lost: frozenset[Endpoint] = frozenset(),
    ) -> None:
        """Look once: dial what is not *known* and led to, reset connections to what is silent."""
        reached = self._reached()
        work = {
            watch.home: partial(_strays, watch, known, reached.get(watch.key, frozenset()))
            for watch in watched
        }
        came = namespaces.visit_all(work, self._verify)
        found: dict[Endpoint, dict[Home, list[Stray]]] = {}
        for home, flows in came.items():
            for flow in flows if isinstance(flows, list) else ():
                found.setdefault(flow.target, {}).setdefault(home, []).append(flow)
        suspects = False
        for one, answered in dialled(sorted(found.keys() | (self._held() & lost))):
            suspects = suspects or answered
            if not answered:
                self._reset(one, found.get(one, {}))
        self.suspicious = suspects

    def _reset(self, gone: Endpoint, stuck: dict[Home, list[Stray]]) -> None:
        work = {home: partial(_reset, flows) for home, flows in stuck.items()}
        counts = namespaces.visit_all(work, self._verify)
        self._dropped(gone)
        if total := sum(one for one in counts.values() if isinstance(one, int)):
            self.reset += total
            log.info("%s:%d is gone: reset %d connections to it", *gone, total)


def _strays(
    watch: Watch, known: Collection[Endpoint], reached: Collection[Endpoint]
) -> list[Stray]:
    flows = netlink.flows()
    found: list[Stray] = [*strays(flows, watch, known)]
    led = netlink.ends(flows)  # of sockets: by a detour
    if any(one not in known for one in (*reached, *led.values())):
        for one in (each for each in sockets.connections() if each.target in reached):
            target = led.get((one.source, one.target), one.target)
            if target not in known:
                found.append(replace(one, target=target))
    return found


def _reset(found: Iterable[Stray]) -> int:
    """Abort the apps' sockets, then forget the flows: what is left gets a reset when it sends."""
    count = 0
    for flow in found:
        if isinstance(flow, sockets.Connection):
            with suppress(OSError):  # the app has closed it, or this kernel cannot
                sockets.destroy(flow)
                count += 1
            continue
        with suppress(OSError):  # the app has closed it, or this kernel cannot
            sockets.destroy_socket(flow.source, flow.dialled)
        with suppress(OSError):
            netlink.delete_flow(flow.source, flow.dialled)
            count += 1
    return count
