"""What runs in the ambassador's container: containers + services -> plan -> planes -> links.

Nothing is touched before both Docker and the registry were seen once: until then the links that an
earlier ambassador left stay as they are, and go on working.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from arpanet import ARPANET_MASTERS, HOSTNAME, Container, Context, Snapshot
from arpanet_ambassador.alarm import Alarm
from arpanet_ambassador.flows.dialling import Endpoint
from arpanet_ambassador.flows.living import Living
from arpanet_ambassador.flows.observing import Observing
from arpanet_ambassador.flows.prober import Prober
from arpanet_ambassador.flows.reaper import Reaper, endpoints, watches
from arpanet_ambassador.keeping import Kept
from arpanet_ambassador.links.outcome import links
from arpanet_ambassador.links.plan import Plan, World, make
from arpanet_ambassador.links.publishing import Publisher
from arpanet_ambassador.links.specs import Foreign, masters, root
from arpanet_ambassador.names import dns, foreign, hosts, writing
from arpanet_ambassador.names.lookups import Lookups
from arpanet_ambassador.names.reading import HostsFiles
from arpanet_ambassador.networks import Networks
from arpanet_ambassador.nodes import LINKS, NAME
from arpanet_ambassador.planes.choice import chain
from arpanet_ambassador.planes.namespaces import Belongs, belongs, name_of
from arpanet_ambassador.planes.plane import Home
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.socket.host import Host
from arpanet_ambassador.planes.socket.plane import Sockets
from arpanet_ambassador.starting.describing import declares
from arpanet_ambassador.starting.following import Starting

__all__ = ["Ambassador"]

#: Seconds between two comparisons with the kernel; looks at Docker come at least every 30.
CHECK = 25.0


class Ambassador:
    """The links of one host. To be used from the agent's thread.

    :param name: of the container that clients are linked to.
    :param plane: what ARPANET_PLANE is.
    :param machine: this host, where it is not that of process 1.
    :param place: where the links are that were added to running containers.
    """

    def __init__(
        self,
        context: Context,
        name: str,
        plane: str,
        verify: Belongs = belongs,
        clock: Callable[[], float] = time.monotonic,
        machine: Host | None = None,
        place: Path = LINKS,
    ) -> None:
        self._context, self._name, self._clock = context, name, clock
        #: whether this process sees the clients' own: the proxy alone has no need to
        sees = self._sees_processes = plane != Proxied.name
        self.chain = chain(plane, self._holder, verify, machine)
        self.reaper = Reaper(self._proxied, self._drop, verify, self._reached)
        self._observing = Observing(self.chain.planes)
        self._dns = Lookups("DNS", dns.ask_all, context.wake)
        self._foreign = Lookups("plugins", foreign.asking(context), context.wake)
        self._hosts = HostsFiles(context.wake)
        self._networks = Networks(lambda: context.engine.networks(), context.wake)
        self._prober = Prober(context.wake, self._living(verify))
        self._publisher, self._alarm = Publisher(context, NAME), Alarm(context.wake)
        self._containers: Mapping[str, Container] | None = None
        self._namespaces: Mapping[str, str] = {}
        self._snapshot: Snapshot | None = None
        #: what is about to run
        self._starting = (
            Starting(self._may_declare, self._files, writing.write, context.wake) if sees else None
        )
        self._kept = Kept(place, context.wake)
        #: what is in force
        self.plan = Plan()
        self._checked = clock()

    def containers(self, containers: Mapping[str, Container]) -> None:
        """Act on a complete look at Docker."""
        check = self._clock() - self._checked >= CHECK
        if self._starting:
            self._starting.settled(containers)
            containers = {**self._starting.found, **containers}
        if containers != self._containers or check:
            self._containers = dict(containers)
            if self._sees_processes:
                self._namespaces = {one.id: name_of(one.pid) for one in containers.values()}
                files = hosts.wanted(containers, self._namespaces, self._name)
                self._hosts.want(files, again=check)
        names = frozenset(name for one in containers.values() for name in one.networks)
        self._networks.want(names, check)
        self._settle(check)

    def services(self, snapshot: Snapshot) -> None:
        """Act on the registry's new content."""
        before, self._snapshot = self._snapshot, snapshot
        if before is not None:
            changed = snapshot.diff(before)
            if not changed.hosts and self.plan.services.isdisjoint(changed.services):
                return  # most changes are others'
        self._settle()

    def observe(self) -> None:
        """Leave who talks to whom; called once a second."""
        self._observing.look(self.plan, self._containers or {})

    def backends(self) -> None:
        """Ask plugins anew where links go; may be called from any thread."""
        self._foreign.again()

    def close(self) -> None:
        """Let go of ports and timers; the links stay."""
        self._alarm.set(None)
        self._prober.want(frozenset(), frozenset())
        self._publisher.close()
        self.chain.close()

    # -- one decision ----------------------------------------------------------------------------

    def _settle(self, check: bool = False) -> None:
        if self._containers is None or self._snapshot is None:
            return
        plan = self.plan = make(self._world(self._containers, self._snapshot))
        plugins = frozenset(one for one in plan.lookups if isinstance(one, Foreign))
        self._foreign.want(plugins)
        self._dns.want(plan.lookups - plugins)
        self._prober.want(plan.watched, plan.unconfirmed, len(self._snapshot.hosts))
        carried = self.chain.apply(plan.clients, check)
        times = [one for one in (self.chain.due(), self._kept.due()) if one is not None]
        self._alarm.set(min(times, default=None))
        known = endpoints(self._snapshot, self._context.settings[HOSTNAME]) - self._prober.gone
        self.reaper.look(watches(plan), known, check)
        self._publisher.publish(links(plan, carried), self.chain.drift, self.reaper.reset, check)
        if check:
            self._checked = self._clock()

    def _world(self, containers: Mapping[str, Container], snapshot: Snapshot) -> World:
        settings = self._context.settings
        given = settings[ARPANET_MASTERS]
        return World(
            containers=containers,
            ambassador=self._name,
            masters=masters(given, snapshot.hosts.values()),
            root=root(settings),
            namespaces=self._namespaces,
            added=self._kept.links(),
            services=snapshot.services(),
            host=settings[HOSTNAME],
            isolated=self._networks.found.isolated,
            internal=self._networks.found.internal,
            named=self._hosts.found,
            silent=self._prober.silent,
            remembered=self.plan.ambassadors,
            answers={**self._dns.answers, **self._foreign.answers},
        )

    # -- told by others --------------------------------------------------------------------------

    def _may_declare(self, container: Container) -> bool:
        return declares(container) or container.id in self._kept.links()

    def _files(self) -> Path:
        """Return the directory in which Docker keeps its containers."""
        found = self._context.engine.inspect(self._name) or {}
        return Path(found["HostsPath"]).parent.parent

    def _holder(self) -> Home | None:
        """Return the container that clients are linked to."""
        for one in (self._containers or {}).values():
            if one.name == self._name:
                return Home(one.id, one.pid, started=one.started)
        return None

    def _proxied(self) -> frozenset[Endpoint]:
        proxies = (plane for plane in self.chain.planes if isinstance(plane, Proxied))
        return frozenset(one for proxy in proxies for one in proxy.endpoints())

    def _reached(self) -> Mapping[str, frozenset[Endpoint]]:
        found = (plane.reached() for plane in self.chain.planes if isinstance(plane, Sockets))
        return next(found, {})

    def _living(self, verify: Belongs) -> Callable[[frozenset[Endpoint]], frozenset[Endpoint]]:
        for plane in self.chain.planes:
            if isinstance(plane, Sockets):
                return Living(plane.seen, lambda: self.plan.clients, verify)
        return lambda wanted: frozenset()  # other planes' sockets don't show where they lead

    def _drop(self, endpoint: Endpoint) -> None:
        for plane in self.chain.planes:
            if isinstance(plane, Proxied):
                plane.drop(endpoint)
