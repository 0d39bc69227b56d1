"""What a host's containers declare -> tables for the kernel plane, routes for the proxy; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from arpanet import Container, Instance, Target
from arpanet_ambassador.links.declare import BACKEND, CONNECT, Declared, declared
from arpanet_ambassador.links.resolve import Answers, Question, View, lookups, resolve
from arpanet_ambassador.planes.nftables.ruleset import Home, Rules, Table, carried, render

__all__ = ["Plan", "Resolved", "World", "make"]


@dataclass(frozen=True)
class World:
    """All that a plan is made from.

    :ivar containers: every running container of this host, by id.
    :ivar services: service name -> instances, in the whole cluster.
    :ivar host: the name of this host; *ambassador* that of the ambassador's container.
    :ivar named: id of a namespace's owner -> the ambassador's addresses in its hosts file.
    :ivar remembered: the same -> addresses that the ambassador once had there; apps look a name up
        once and dial the address for ever.
    """

    containers: Mapping[str, Container]
    services: Mapping[str, tuple[Instance, ...]]
    host: str
    ambassador: str
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    remembered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved:
    """A declaration and where it leads now; *error* says why nowhere."""

    declared: Declared
    targets: tuple[Target, ...] = ()
    error: str = ""


Routes = Mapping[str, Mapping[int, tuple[Target, ...]]]


@dataclass(frozen=True)
class Plan:
    """What the planes are to do.

    :ivar tables: id of a namespace's owner -> its links, for the kernel plane.
    :ivar rules: the same as transactions.
    :ivar routes: client address -> port -> targets, for the proxy plane.
    :ivar lookups: what must be asked of DNS and of plugins.
    """

    resolved: tuple[Resolved, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    rules: Mapping[str, Rules] = field(default_factory=dict)
    routes: Routes = field(default_factory=dict)
    lookups: frozenset[Question] = frozenset()

    @property
    def ports(self) -> frozenset[int]:
        """Every port that the proxy plane is to listen on."""
        return frozenset(port for ports in self.routes.values() for port in ports)


def make(world: World) -> Plan:
    """Return the plan for *world*."""
    links = declared(world.containers, world.ambassador)
    resolved = tuple(_resolved(link, world) for link in links)
    valid = [one for one in resolved if one.declared.spec]
    tables = _tables(valid, world)
    return Plan(
        resolved,
        tables,
        {key: _rules(world.containers[key], table) for key, table in tables.items()},
        _routes(valid, world.containers),
        frozenset(
            name for one in valid if one.declared.spec for name in lookups(one.declared.spec)
        ),
    )


def _resolved(link: Declared, world: World) -> Resolved:
    if link.spec is None:
        return Resolved(link, error=link.error)
    networks = frozenset(world.containers[link.namespace].networks)
    try:
        view = View(world.services, world.host, networks, world.answers)
        return Resolved(link, resolve(link.spec, view))
    except ValueError as problem:
        return Resolved(link, error=str(problem))


def _tables(valid: Iterable[Resolved], world: World) -> dict[str, Table]:
    ports: dict[str, dict[str, dict[int, tuple[Target, ...]]]] = {}
    for one in valid:
        link = one.declared
        # only IPv6 targets: an IPv4 packet cannot be sent there, but the proxy can dial them
        if link.form == BACKEND and one.targets and not carried(one.targets):
            continue
        forms = ports.setdefault(link.namespace, {})
        forms.setdefault(link.form, {})[link.port] = one.targets
    return {
        key: Table(key, _addresses(key, world), forms.get(BACKEND, {}), forms.get(CONNECT, {}))
        for key, forms in ports.items()
    }


def _addresses(namespace: str, world: World) -> frozenset[str]:
    """Return where the apps of *namespace* dial the ambassador.

    An address that it once had is given to another container one day, and is that one's then.
    """
    own = [c for c in world.containers.values() if c.name == world.ambassador]
    networks = world.containers[namespace].networks
    present = {a for c in own for network, a in c.networks.items() if network in networks}
    others = {a for c in world.containers.values() if c not in own for a in c.networks.values()}
    once = world.remembered.get(namespace, frozenset()) - others
    known = present | world.named.get(namespace, frozenset()) | once
    return frozenset(address for address in known if address and ":" not in address)


def _rules(home: Container, table: Table) -> Rules:
    return Rules(
        Home(home.id, home.pid),
        render(table),
        bool(table.connect),
        home.started,
        tuple(sorted(home.networks)),
    )


def _routes(valid: Iterable[Resolved], containers: Mapping[str, Container]) -> Routes:
    routes: dict[str, dict[int, tuple[Target, ...]]] = {}
    for one in valid:
        if one.declared.form == BACKEND:
            for address in containers[one.declared.namespace].networks.values():
                if address:
                    routes.setdefault(address, {})[one.declared.port] = one.targets
    return routes
