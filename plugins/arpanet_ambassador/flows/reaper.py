"""Connections to instances that are gone: found, and reset in the client's namespace.

An instance that stops says goodbye itself. One whose host lost power, or that was cut off, leaves
connections that hang for as long as nobody sends, and for minutes when somebody does. The registry
alone can't tell: a host that lost its masters, but not its network, still serves. So what the
registry no longer knows is dialled first, and only what doesn't answer is reset.
"""

import logging
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from arpanet import Snapshot
from arpanet_ambassador.links.declare import BACKEND, CONNECT
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.links.resolve import endpoint
from arpanet_ambassador.links.specs import Service
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.netlink import Flow
from arpanet_ambassador.planes.nftables.ruleset import Home

__all__ = ["Endpoint", "Reaper", "Watch", "endpoints", "strays", "watches"]

log = logging.getLogger(__name__)

Endpoint = tuple[str, int]
#: Seconds within which an instance must take a connection to count as there.
PROBE = 1.0
_PROBES_AT_ONCE = 16


@dataclass(frozen=True)
class Watch:
    """One namespace whose connections are looked at: what its apps dial for services."""

    home: Home
    ambassadors: Collection[str] = ()
    ports: Mapping[str, Collection[int]] = field(default_factory=dict)


def endpoints(snapshot: Snapshot) -> frozenset[Endpoint]:
    """Return every address that leads to an instance, as seen from anywhere."""
    addresses = (
        address
        for instance in snapshot.instances.values()
        for address in (instance.address, *instance.local.values())
    )
    return frozenset(found for address in addresses if (found := endpoint(address)))


def watches(plan: Plan) -> tuple[Watch, ...]:
    """Return the namespaces with links to services; no one declares fixed addresses gone."""
    ports: dict[str, dict[str, set[int]]] = {}
    for one in plan.resolved:
        if isinstance(one.declared.spec, Service):
            forms = ports.setdefault(one.declared.namespace, {})
            forms.setdefault(one.declared.form, set()).add(one.declared.port)
    return tuple(
        Watch(plan.rules[key].home, plan.tables[key].ambassador, forms)
        for key, forms in sorted(ports.items())
        if key in plan.rules
    )


def strays(flows: Iterable[Flow], watch: Watch, known: Collection[Endpoint]) -> list[Flow]:
    """Return those of *flows* that are links of *watch* and lead to no *known* endpoint."""
    backend, connect = watch.ports.get(BACKEND, ()), watch.ports.get(CONNECT, ())
    return [
        flow
        for flow in flows
        if flow.target not in known
        and (
            flow.dialled[1] in connect
            if flow.dialled[0].startswith("127.")
            else flow.dialled[1] in backend and flow.dialled[0] in watch.ambassadors
        )
    ]


class Reaper:
    """Looks for stray connections, in a thread of its own.

    :param dropped: told of each endpoint that is gone, for connections that others hold.
    :ivar reset: how many connections were reset.
    """

    def __init__(
        self,
        dropped: Callable[[Endpoint], None],
        verify: namespaces.Belongs = namespaces.belongs,
    ) -> None:
        self._dropped, self._verify = dropped, verify
        self.reset = 0
        self._news = threading.Condition()
        self._newest: tuple[tuple[Watch, ...], frozenset[Endpoint], frozenset[Endpoint]] | None = (
            None
        )
        self._suspects: frozenset[Endpoint] = frozenset()
        self._started = False

    def look(
        self, watched: tuple[Watch, ...], known: frozenset[Endpoint], lost: frozenset[Endpoint]
    ) -> None:
        """Look soon, unless a newer call comes first. *lost* may be held by others than clients."""
        with self._news:
            earlier = self._newest[2] if self._newest else frozenset()
            self._newest = watched, known, (lost | earlier) - known
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="flows", daemon=True).start()
            self._news.notify()

    @property
    def suspicious(self) -> bool:
        """Whether something that the registry no longer knows still answered: look again."""
        return bool(self._suspects)

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None)
                newest, self._newest = self._newest, None
            try:
                if newest:
                    self.reap(*newest)
            except Exception:
                if threading.main_thread().is_alive():  # else it failed since the process ends
                    log.exception("looking for stuck connections failed")

    def reap(
        self, watched: Iterable[Watch], known: frozenset[Endpoint], lost: frozenset[Endpoint]
    ) -> None:
        """Look once: dial what is not *known*, reset connections to what does not answer."""
        work = {watch.home: partial(_strays, watch, known) for watch in watched}
        came = namespaces.visit_all(work, self._verify)
        found = {home: flows for home, flows in came.items() if isinstance(flows, list) and flows}
        unknown = {flow.target for flows in found.values() for flow in flows}
        asked = sorted(unknown | ((lost | self._suspects) - known))
        with ThreadPoolExecutor(_PROBES_AT_ONCE, "probe") as pool:
            answers = dict(zip(asked, pool.map(_answers, asked), strict=True))
        gone = {one for one, answered in answers.items() if not answered}
        self._suspects = frozenset(answers) - gone
        stuck = {h: [f for f in flows if f.target in gone] for h, flows in found.items()}
        counts = namespaces.visit_all(
            {home: partial(_reset, flows) for home, flows in stuck.items() if flows}, self._verify
        )
        for one in sorted(gone):
            self._dropped(one)
        total = sum(one for one in counts.values() if isinstance(one, int))
        if total:
            self.reset += total
            log.info("reset %d connections to instances that are gone", total)


def _strays(watch: Watch, known: Collection[Endpoint]) -> list[Flow]:
    return strays(netlink.flows(), watch, known)


def _reset(flows: Iterable[Flow]) -> int:
    """Abort the apps' sockets, then forget the flows: what is left gets a reset when it sends."""
    count = 0
    for flow in flows:
        with suppress(OSError):  # the app has closed it, or this kernel cannot
            netlink.destroy_socket(flow.source, flow.dialled)
        with suppress(OSError):
            netlink.delete_flow(flow)
            count += 1
    return count


def _answers(address: Endpoint) -> bool:
    try:
        socket.create_connection(address, timeout=PROBE).close()
    except OSError:
        return False
    return True
