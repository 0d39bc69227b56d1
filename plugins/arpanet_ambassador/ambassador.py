"""What runs in the ambassador's container: containers + services -> plan -> planes -> links.

Nothing is touched before both Docker and the registry were seen once: until then the tables that an
earlier ambassador left stay as they are, and go on working.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from arpanet import HOSTNAME, Container, Context, Link, Snapshot, statusfile
from arpanet_ambassador.flows.reaper import Endpoint, Reaper, endpoints, watches
from arpanet_ambassador.links import report
from arpanet_ambassador.links.declare import owner
from arpanet_ambassador.links.outcome import KERNEL, PROXY, Troubles, links
from arpanet_ambassador.links.plan import Plan, World, make
from arpanet_ambassador.links.specs import Foreign
from arpanet_ambassador.names import dns, foreign, hosts
from arpanet_ambassador.names.lookups import Lookups
from arpanet_ambassador.nodes import NAME
from arpanet_ambassador.planes.namespaces import NotEntered, visit
from arpanet_ambassador.planes.nftables import clearing
from arpanet_ambassador.planes.nftables.kernel import Kernel
from arpanet_ambassador.planes.nftables.ruleset import Home
from arpanet_ambassador.planes.proxy.proxy import Proxy

__all__ = ["Ambassador"]

log = logging.getLogger(__name__)

#: Seconds between two comparisons with the kernel; looks at Docker come at least every 30.
CHECK = 25.0


class Ambassador:
    """The links of one host. To be used from the agent's thread.

    :param plane: one of :data:`~arpanet_ambassador.links.outcome.PLANES`.
    """

    def __init__(
        self,
        context: Context,
        name: str,
        plane: str,
        kernel: Kernel | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context, self._name, self._plane, self._clock = context, name, plane, clock
        self._kernel = kernel or Kernel()
        self._proxy: Proxy | None = None
        self._proxy_lives_in: tuple[str, int, str] | None = None
        self._reaper = Reaper(self._gone, self._kernel.verify)
        self._dns = Lookups("DNS", dns.ask_all, context.wake)
        self._foreign = Lookups("plugins", foreign.asking(context), context.wake)
        self._containers: Mapping[str, Container] | None = None
        self._snapshot: Snapshot | None = None
        self._named: dict[str, frozenset[str]] = {}
        self._remembered: dict[str, frozenset[str]] = {}
        #: what is in force
        self.plan: Plan | None = None
        self._links: tuple[Link, ...] = ()
        self._published = False
        self._known: frozenset[Endpoint] | None = None
        self._checked = clock()
        self._retry: threading.Timer | None = None

    def containers(self, containers: Mapping[str, Container]) -> None:
        """Act on a complete look at Docker."""
        changed = containers != self._containers
        self._containers = dict(containers)
        check = self._clock() - self._checked >= CHECK
        if changed or check:
            self._named = self._read_hosts_files()
        self._settle(check)

    def services(self, snapshot: Snapshot) -> None:
        """Act on the registry's new content."""
        self._snapshot = snapshot
        self._settle()

    def backends(self) -> None:
        """Ask plugins anew where links go; may be called from any thread."""
        self._foreign.again()

    @property
    def reset(self) -> int:
        """How many stuck connections were reset."""
        return self._reaper.reset

    @property
    def suspicious(self) -> bool:
        """Whether something still answers that the registry lost."""
        return self._reaper.suspicious

    def close(self) -> None:
        """Let go of ports and timers; the tables stay."""
        if self._retry:
            self._retry.cancel()
        if self._proxy:
            self._proxy.close()
            self._proxy = None

    # -- one decision ----------------------------------------------------------------------------

    def _settle(self, check: bool = False) -> None:
        if self._containers is None or self._snapshot is None:
            return
        plan = self._make_plan()
        blocked = self._listen(plan)
        troubles: Mapping[str, str] = {}
        if self._plane != PROXY:
            with clearing.applying() as allowed:
                if not allowed:
                    return
                troubles = self._kernel.apply(plan.rules, self._containers.keys(), check)
        self.plan = plan
        self._come_back()
        self._reap(plan, check)
        self._publish(links(plan, self._plane, Troubles(troubles, blocked)), check)
        if check:
            self._checked = self._clock()

    def _listen(self, plan: Plan) -> Mapping[int, str]:
        """Serve *plan* on the proxy plane; return port -> why it can't be."""
        if self._plane == KERNEL:
            return {}
        try:
            return self._proxy_of(self._own()).update(plan.routes)
        except (NotEntered, OSError) as problem:
            return dict.fromkeys(plan.ports, f"the proxy plane can't serve it: {problem}")

    def _own(self) -> Container | None:
        containers = (self._containers or {}).values()
        return next((one for one in containers if one.name == self._name), None)

    def _proxy_of(self, own: Container | None) -> Proxy:
        """Return a proxy that listens where clients dial the ambassador."""
        if self._plane == PROXY:
            self._proxy = self._proxy or Proxy()
            return self._proxy
        lives_in = (own.id, own.pid, own.started) if own else None
        if self._proxy and lives_in != self._proxy_lives_in:
            self._proxy.close()
            self._proxy = None
        if own is None:
            raise NotEntered(f"container {self._name} does not run")
        if self._proxy is None:
            self._proxy = visit(Home(own.id, own.pid), Proxy, self._kernel.verify)
            self._proxy_lives_in = lives_in
        return self._proxy

    def _make_plan(self) -> Plan:
        plan = make(self._world())
        if self.plan is None and self._plane != PROXY:
            homes = [plan.rules[key].home for key, table in plan.tables.items() if table.backend]
            found = self._kernel.recall(homes)
            self._remembered = {home.container: known for home, known in found.items()}
            plan = make(self._world())
        for key, table in plan.tables.items():
            self._remembered[key] = self._remembered.get(key, frozenset()).union(table.ambassador)
        plugins = frozenset(one for one in plan.lookups if isinstance(one, Foreign))
        self._foreign.want(plugins)
        self._dns.want(plan.lookups - plugins)
        return plan

    def _world(self) -> World:
        containers, snapshot = self._containers or {}, self._snapshot or Snapshot()
        for key in self._remembered.keys() - containers.keys():
            del self._remembered[key]
        return World(
            containers,
            snapshot.services(),
            self._context.settings[HOSTNAME],
            self._name,
            self._named,
            self._remembered,
            {**self._dns.answers, **self._foreign.answers},
        )

    def _read_hosts_files(self) -> dict[str, frozenset[str]]:
        """Return what the clients' hosts files call the ambassador: maybe an old address."""
        found = {}
        containers = self._containers or {}
        for container in containers.values():
            if any(name.lower().startswith("backend_") for name in container.env):
                home = owner(container, containers)
                aliases = {alias for name, alias in home.links if name == self._name}
                text = hosts.read(home.pid)
                found[home.id] = hosts.addresses(text, aliases | {self._name})
        return found

    def _come_back(self) -> None:
        """Be woken when something that failed is to be tried again."""
        seconds = self._kernel.due()
        if self._retry:
            self._retry.cancel()
        self._retry = threading.Timer(seconds, self._context.wake) if seconds is not None else None
        if self._retry:
            self._retry.daemon = True
            self._retry.start()

    def _reap(self, plan: Plan, check: bool) -> None:
        """Have stuck connections looked for where an instance went, or when that was put off."""
        known = endpoints(self._snapshot or Snapshot())
        before, self._known = self._known, known
        lost = (before or frozenset()) - known
        if before is None or lost or (check and self._reaper.suspicious):
            self._reaper.look(() if self._plane == PROXY else watches(plan), known, lost)

    def _gone(self, endpoint: Endpoint) -> None:
        if self._proxy:
            self._proxy.drop(endpoint)

    def _publish(self, after: tuple[Link, ...], check: bool) -> None:
        before, self._links = self._links, after
        if after != before or check or not self._published:
            self._published = True
            state = report.encode(after, self._plane, self._kernel.drift, self._reaper.reset)
            statusfile.write(NAME, state)
        if after != before:
            for link in sorted(set(after) - set(before), key=lambda one: (one.client, one.port)):
                log.info("%s", report.line(link))
            self._context.emit("links.changed", before=before, after=after)
