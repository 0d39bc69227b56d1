"""What runs in the ambassador's container: containers + services -> plan -> planes -> links.

Nothing is touched before both Docker and the registry were seen once: until then the links that an
earlier ambassador left stay as they are, and go on working.
"""

import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from arpanet import ARPANET_MASTERS, HOSTNAME, Container, Context, Snapshot
from arpanet_ambassador.alarm import Alarm
from arpanet_ambassador.clear import homes
from arpanet_ambassador.clients import Clients
from arpanet_ambassador.flows.following import Flows
from arpanet_ambassador.flows.prober import dialling
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.outcome import Links
from arpanet_ambassador.links.packing import Packer
from arpanet_ambassador.links.plan import Plan, Planner
from arpanet_ambassador.links.publisher import Publisher
from arpanet_ambassador.links.specs import masters
from arpanet_ambassador.names.asking import Asking
from arpanet_ambassador.nodes import LINKS
from arpanet_ambassador.planes.choice import chain
from arpanet_ambassador.planes.namespaces import Belongs, belongs
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.socket.host import Host
from arpanet_ambassador.settings import NAME

__all__ = ["Ambassador"]

#: Seconds between two comparisons with the kernel; looks at Docker come at least every 30.
CHECK = 25.0


class Ambassador:
    """The links of one host. To be used from the agent's thread.

    :param name: of the container that clients are linked to.
    :param plane: what ARPANET_PLANE is.
    :param machine: this host, where it is not that of process 1.
    :param place: where the links are that were added to running containers.
    :param wait: what ARPANET_CONNECT_WAIT is.
    :param early: for the proxy alone: makes what takes dials that nobody else listens for.
    :ivar plan: what is in force.
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
        wait: float = 0.0,
        early: Callable[[], socket.socket | None] | None = None,
    ) -> None:
        self._context, self._clock, self._wait = context, clock, wait
        # the proxy alone has no need to see the clients' processes
        self._clients = Clients(context, name, plane != Proxied.name, place)
        self._snapshot: Snapshot | None = None
        self._asking = Asking(context)
        self.plan = Plan()
        self._planner, self._packer = Planner(), Packer()
        self.chain = chain(plane, lambda: self._clients.holder, verify, machine, early)
        self.flows = Flows(self.chain.planes, verify, context.wake)
        self._publisher, self._alarm = Publisher(context, NAME), Alarm(context.wake)
        self._checked, self._tidied = clock(), False
        self._hosts = sys.maxsize  # whoever begins anew may begin after a store was lost

    def containers(self, containers: Mapping[str, Container]) -> None:
        """Act on a complete look at Docker."""
        check = self._clock() - self._checked >= CHECK
        self._clients.look(containers, again=check)
        self._settle(check)

    def services(self, snapshot: Snapshot) -> None:
        """Act on the registry's new content."""
        before, self._snapshot = self._snapshot, snapshot
        if before is not None:
            changed = snapshot.moved(before)
            if snapshot.hosts == before.hosts and self.plan.services.isdisjoint(changed):
                return  # most changes are others'
        self._settle()

    def observe(self) -> None:
        """Leave who talks to whom; called once a second."""
        self.flows.observe(self.plan, self._clients.containers or {})
        self._publisher.flush()

    def backends(self) -> None:
        """Ask plugins anew where links go; may be called from any thread."""
        self._asking.plugins_again()

    def close(self) -> None:
        """Let go of ports and timers; the links stay."""
        self._alarm.set(None)
        self.flows.close()
        self._publisher.close()
        self.chain.close()

    # -- one decision ----------------------------------------------------------------------------

    def _settle(self, check: bool = False) -> None:
        containers, snapshot = self._clients.containers, self._snapshot
        if containers is None or snapshot is None:
            return
        plan = self.plan = self._planner.make(self._world(containers, snapshot))
        self._asking.want(plan.lookups)
        # before all else: a client that starts waits for this
        carried = self.chain.apply(plan.clients, plan.pools, check)
        self._hosts = dialling(snapshot, self._hosts)
        self.flows.probe(plan, self._hosts)
        self.flows.lead()
        if not self._tidied:
            self.chain.tidy(homes(containers))
            self._tidied = True
        times = [one for one in (self.chain.due(), self._clients.added.due()) if one is not None]
        self._alarm.set(min(times, default=None))
        self.flows.reap(snapshot, self._context.settings[HOSTNAME], check)
        drift, reset = self.chain.drift, self.flows.reaper.reset
        self._publisher.publish(Links(plan, carried, self._packer), drift, reset, check)
        if check:
            self._checked = self._clock()

    def _world(self, containers: Mapping[str, Container], snapshot: Snapshot) -> World:
        settings = self._context.settings
        given = settings[ARPANET_MASTERS]
        self._clients.masters = masters(given, snapshot.hosts.values())
        return World(
            containers=containers,
            ambassador=self._clients.name,
            masters=self._clients.masters,
            root=self._clients.root,
            namespaces=self._clients.namespaces,
            added=self._clients.added.links(),
            wait=self._wait,
            former=self._clients.former,
            services=snapshot.services(),
            host=settings[HOSTNAME],
            isolated=self._clients.networks.found.isolated,
            internal=self._clients.networks.found.internal,
            named=self._clients.named,
            unnamed=self._clients.unnamed,
            silent=self.flows.silent,
            remembered=self.plan.ambassadors,
            answers=self._asking.answers,
        )
