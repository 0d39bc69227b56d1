"""All that is done about connections: who has which, which are stuck, what still answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from arpanet import Container, Snapshot
from arpanet_ambassador.flows.detours import Detours
from arpanet_ambassador.flows.dialling import Endpoint, dialled
from arpanet_ambassador.flows.living import Living, Signs
from arpanet_ambassador.flows.prober import PATIENCE, Prober
from arpanet_ambassador.flows.publisher import Observing
from arpanet_ambassador.flows.reaper import Endpoints, Reaper, Watch, watches
from arpanet_ambassador.flows.refused import Refused
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.links.ways import Addresses
from arpanet_ambassador.planes.namespaces import Belongs
from arpanet_ambassador.planes.plane import Plane
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.socket.plane import Sockets

__all__ = ["Flows"]


class Flows:
    """Follows the plan that is in force. To be used from the agent's thread.

    :param wake: called from any thread when there is something new to be planned with.
    :ivar prober: dials instances by TCP.
    :ivar hosts: dials instances by UDP, of which not they answer that, but their hosts.
    """

    def __init__(self, planes: Sequence[Plane], verify: Belongs, wake: Callable[[], None]) -> None:
        self._planes, self._wake = planes, wake
        self._plan = Plan()
        self._endpoints = Endpoints()
        self._watches: tuple[Watch, ...] = ()
        self.reaper = Reaper(self._proxied, self._drop, verify, self._reached)
        self.prober = Prober(wake, self._living(verify))
        self.hosts = Prober(wake, dial=partial(dialled, seconds=PATIENCE, refusing=True))
        # other planes' sockets don't show where they lead, and the proxy takes the next one itself
        sockets = any(isinstance(plane, Sockets) for plane in planes)
        self._refused = Refused(self.prober.refused) if sockets else None
        self._detours = Detours(self._linked, verify)
        #: by UDP: what the registry lost, and whose host was silent since
        self._away: Addresses = frozenset()
        self._observing = Observing(planes)

    def probe(self, plan: Plan, hosts: int) -> None:
        """Dial what *plan* uses, to see that it answers.

        :param hosts: how many there are in the cluster.
        """
        if plan.ground is not self._plan.ground:
            self._watches = watches(plan)
        self._plan = plan
        watched, unconfirmed = plan.watched(), plan.unconfirmed()
        self.prober.want(watched, unconfirmed, hosts)
        if self._refused:
            self._refused.watch(watched | unconfirmed)
        # many a firewall drops what nothing listens for: only who has answered once can fall silent
        lost = plan.unconfirmed("udp")
        self.hosts.want(plan.watched("udp") | lost, frozenset(), hosts)
        before, self._away = self._away, (self._away | self.hosts.silent) & lost
        if before - self._away:
            self._wake()  # the plan still has it as silent

    @property
    def silent(self) -> Mapping[str, Addresses]:
        """Protocol -> what does not answer.

        A host that was away refuses connections long before its servers run again: what it had by
        UDP is back once it has told the registry so.
        """
        return {"tcp": self.prober.silent, "udp": self.hosts.silent | self._away}

    def lead(self) -> None:
        """Lead dials under way from what is silent to others, now that the plan is carried."""
        self._detours.look(self._plan)

    def reap(self, snapshot: Snapshot, host: str, check: bool) -> None:
        """Reset what leads to what is gone, now that the plan is carried.

        :param host: this host's name.
        :param check: look also where nothing was lost since.
        """
        known = self._endpoints.of(snapshot, host)
        if self.prober.gone:  # mostly there is none, and tens of thousands are copied for nothing
            known -= self.prober.gone
        self.reaper.look(self._watches, known, check)

    def observe(self, plan: Plan, containers: Mapping[str, Container]) -> None:
        """Leave who talks to whom; called once a second."""
        self._observing.look(plan, containers)

    def close(self) -> None:
        """Dial nothing more."""
        for one in (self.prober, self.hosts):
            one.want(frozenset(), frozenset())
        if self._refused:
            self._refused.close()

    # -- what planes know ------------------------------------------------------------------------

    def _proxied(self) -> frozenset[Endpoint]:
        proxies = (plane for plane in self._planes if isinstance(plane, Proxied))
        return frozenset(one for proxy in proxies for one in proxy.endpoints())

    def _reached(self) -> Mapping[str, frozenset[Endpoint]]:
        found = (plane.reached() for plane in self._planes if isinstance(plane, Sockets))
        return next(found, {})

    def _linked(self) -> Mapping[str, frozenset[Endpoint]]:
        found = (plane.linked() for plane in self._planes if isinstance(plane, Sockets))
        return next(found, {})

    def _living(self, verify: Belongs) -> Callable[[frozenset[Endpoint]], Signs]:
        for plane in self._planes:
            if isinstance(plane, Sockets):
                return Living(plane.seen, lambda: self._plan.clients, verify)
        return lambda wanted: Signs()  # other planes' sockets don't show where they lead

    def _drop(self, endpoint: Endpoint) -> None:
        for plane in self._planes:
            if isinstance(plane, Proxied):
                plane.drop(endpoint)
