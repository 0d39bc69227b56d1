"""What a host's containers declare -> what each network namespace is to hold; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from arpanet import Container, Instance, Target, hostport
from arpanet_ambassador.links import waiting
from arpanet_ambassador.links.declare import BACKEND, HOST, Declared, Declaring, declared, owner
from arpanet_ambassador.links.resolve import (
    Answers,
    Question,
    View,
    lookups,
    resolve,
    unconfirmed,
    watched,
)
from arpanet_ambassador.links.specs import Service, Spec
from arpanet_ambassador.names.own import allocate, named
from arpanet_ambassador.planes.plane import LOOPBACK, Client, Frontend, Held, Home

__all__ = ["Plan", "Resolved", "World", "make"]

Addresses = frozenset[tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class World(Declaring):
    """All that a plan is made from.

    :ivar services: service name -> instances, in the whole cluster.
    :ivar host: the name of this host.
    :ivar isolated: networks whose containers can't dial each other.
    :ivar internal: networks from which nothing else can be dialled.
    :ivar named: namespace -> the ambassador's addresses in the hosts files of its containers.
    :ivar remembered: the same -> addresses that the ambassador once had there; apps look a name up
        once and dial the address for ever.
    :ivar silent: addresses of instances that did not answer when they were dialled.
    """

    services: Mapping[str, tuple[Instance, ...]]
    host: str
    isolated: frozenset[str] = frozenset()
    internal: frozenset[str] = frozenset()
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    remembered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    silent: Addresses = frozenset()

    @cached_property
    def backends(self) -> Mapping[str, str]:
        """The container that clients are linked to: network -> its address there."""
        own = (c.networks for c in self.containers.values() if c.name == self.ambassador)
        return next(own, {})

    @cached_property
    def taken(self) -> frozenset[str]:
        """The addresses that other containers have now."""
        others = (c for c in self.containers.values() if c.name != self.ambassador)
        return frozenset(address for c in others for address in c.networks.values())


@dataclass(frozen=True)
class Resolved:
    """A declaration and where it leads now; *error* says why nowhere.

    :ivar frontends: what is dialled for it.
    :ivar unconfirmed: addresses, among the targets or not, of what the registry lost.
    :ivar watched: the same of what it has on other hosts.
    :ivar silent: those of both that do not answer.
    :ivar places: of a link that waits: what is dialled -> where the proxy holds it meanwhile.
    """

    declared: Declared
    targets: tuple[Target, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    error: str = ""
    unconfirmed: Addresses = frozenset()
    watched: Addresses = frozenset()
    silent: Addresses = frozenset()
    places: Mapping[Frontend, Frontend] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What is unusual about it, ``""`` when nothing is."""
        targets = {(target.ip, target.port) for target in self.targets}
        parts = [f"unconfirmed: {_listed(found)}"] if (found := targets & self.unconfirmed) else []
        if targets and targets <= self.silent:
            parts.append("none of them answers")
        elif self.silent:
            parts.append(f"silent, and left out: {_listed(self.silent)}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Plan:
    """What the planes are to do.

    :ivar clients: namespace -> what it is to hold.
    :ivar ambassadors: namespace -> where its apps dial the ambassador.
    :ivar names: namespace -> name that an app dials -> its address.
    :ivar lookups: what must be asked of DNS and of plugins.
    """

    resolved: tuple[Resolved, ...] = ()
    clients: Mapping[str, Client] = field(default_factory=dict)
    ambassadors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lookups: frozenset[Question] = frozenset()

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that links here lead to, or would if there were instances."""
        specs = (one.declared.spec for one in self.resolved)
        return frozenset(spec.name for spec in specs if isinstance(spec, Service))

    @property
    def unconfirmed(self) -> Addresses:
        """What the registry lost, and a link here uses."""
        return frozenset(address for one in self.resolved for address in one.unconfirmed)

    @property
    def watched(self) -> Addresses:
        """What the registry has on other hosts, and a link here uses."""
        return frozenset(address for one in self.resolved for address in one.watched)


def _listed(addresses: Iterable[tuple[str, int]]) -> str:
    return ", ".join(hostport.joined(*one) for one in sorted(addresses))


def make(world: World) -> Plan:
    """Return the plan for *world*."""
    links = declared(world)
    homes = _homes(links, world)
    ambassadors = {key: _ambassadors(key, home, world) for key, home in homes.items()}
    names = {key: allocate(set().union(*named(of))) for key, of in _by_namespace(links).items()}
    resolved, ways = [], _Ways(world)
    for link in links:
        if link.spec is None:
            resolved.append(Resolved(link, error=link.error))
            continue
        frontends = _frontends(link, ambassadors[link.namespace], names.get(link.namespace, {}))
        resolved.append(_resolved(link, link.spec, frontends, homes[link.namespace], ways))
    resolved = _placed(resolved, ambassadors)
    return Plan(
        tuple(resolved),
        _clients(resolved, homes, world),
        ambassadors,
        names,
        frozenset(key for link in links if link.spec for key in lookups(link.spec)),
    )


def _placed(
    resolved: Iterable[Resolved], ambassadors: Mapping[str, frozenset[str]]
) -> list[Resolved]:
    """Return *resolved*, those that wait with their places: each is one link's alone."""
    resolved = list(resolved)
    taken = {(one.declared.namespace, f) for one in resolved for f in one.frontends}
    placed = []
    for one in resolved:
        key = one.declared.namespace
        if one.declared.wait and one.declared.spec:
            own = {frontend for other, frontend in taken if other == key}
            found = waiting.places(one.frontends, ambassadors.get(key, ()), own)
            taken |= {(key, place) for place in found.values()}
            one = replace(one, places=found)
        placed.append(one)
    return placed


def _homes(links: Iterable[Declared], world: World) -> dict[str, Container]:
    """Return the container that stands for each namespace with valid links: its owner, if any."""
    wanted = {link.namespace for link in links if link.spec}
    homes: dict[str, Container] = {}
    for key in sorted(world.containers):
        home = owner(world.containers[key], world.containers)
        space = world.namespaces.get(home.id) or home.id
        if home.network_mode == HOST:
            home, space = world.containers[key], key
        if space in wanted and (space not in homes or homes[space].id > home.id):
            homes[space] = home
    return homes


def _ambassadors(namespace: str, home: Container, world: World) -> frozenset[str]:
    """Return where the apps of *namespace* dial the ambassador.

    An address that it once had is given to another container one day, and is that one's then.
    """
    present = {a for network, a in world.backends.items() if network in home.networks}
    once = world.remembered.get(namespace, frozenset()) - world.taken
    known = present | world.named.get(namespace, frozenset()) | once
    return frozenset(address for address in known if address and ":" not in address)


def _by_namespace(links: Iterable[Declared]) -> dict[str, list[Declared]]:
    found: dict[str, list[Declared]] = {}
    for link in links:
        found.setdefault(link.namespace, []).append(link)
    return found


def _frontends(
    link: Declared, ambassadors: Iterable[str], names: Mapping[str, str]
) -> tuple[Frontend, ...]:
    if link.form == BACKEND:
        addresses = sorted(ambassadors)
    else:
        addresses = [names[link.name] if link.name else LOOPBACK]
    return tuple(Frontend(address, link.port, link.protocol) for address in addresses)


def _resolved(
    link: Declared, spec: Spec, frontends: tuple[Frontend, ...], home: Container, ways: "_Ways"
) -> Resolved:
    world = ways.world
    if not frontends:
        words = f"{world.ambassador} has no address that {home.name} could dial: 'arpanet status'"
        return Resolved(link, error=f"{words} says more")
    way = ways.of(spec, frozenset(home.networks), link.protocol)
    if isinstance(way, str):
        return Resolved(link, (), frontends, f"{way}{_hint(link, world)}")
    targets, lost, known = way
    return Resolved(link, targets, frontends, "", lost, known, (lost | known) & world.silent)


#: Targets and, of those and others, the addresses of what the registry lost, and of what it has on
#: other hosts; a string: why none.
_Way = tuple[tuple[Target, ...], Addresses, Addresses] | str


@dataclass(frozen=True)
class _Ways:
    """Where values lead: found once for all clients of the same networks."""

    world: World
    found: dict[tuple[Spec, frozenset[str], str], _Way] = field(default_factory=dict)

    def of(self, spec: Spec, networks: frozenset[str], protocol: str) -> _Way:
        """Return where *spec* leads for clients that are in *networks*."""
        key = spec, networks, protocol
        if key not in self.found:
            world = self.world
            view = View(
                world.services,
                world.host,
                networks - world.isolated,
                not networks or not networks <= world.internal,
                world.answers,
                protocol,
                world.silent,
            )
            try:
                targets = resolve(spec, view)
                self.found[key] = targets, unconfirmed(spec, view), watched(spec, view)
            except ValueError as problem:
                self.found[key] = str(problem)
        return self.found[key]


def _hint(link: Declared, world: World) -> str:
    """Return what may help when a service has no instance: it may run here, unpublished."""
    name = getattr(link.spec, "name", "")
    if name in world.services:
        return ""
    for one in world.containers.values():
        image = one.image.rpartition("/")[2].partition(":")[0]
        if name in (one.name, image, one.env.get("SERVICE_NAME")) and one.name != link.client:
            if not any(port.host_port for port in one.ports):
                return f"; container {one.name} runs here and publishes no port: run it with -p"
            if all(port.host_ip.startswith("127.") for port in one.ports if port.host_port):
                return f"; container {one.name} publishes its port on loopback only"
    return ""


def _clients(
    resolved: Iterable[Resolved], homes: Mapping[str, Container], world: World
) -> dict[str, Client]:
    links: dict[str, dict[Frontend, tuple[Target, ...]]] = {}
    sources: dict[str, dict[Frontend, str]] = {}
    held: dict[str, dict[Frontend, Held]] = {}
    for one in resolved:
        key = one.declared.namespace
        for frontend in one.frontends:
            targets, source = one.targets, _source(one.declared, homes[key])
            if place := one.places.get(frontend):
                held.setdefault(key, {})[place] = Held(one.declared.wait, targets)
                if not targets:
                    targets = (Target(place.address, place.port),)
                    source = f"{source} held at {place.address}"
            links.setdefault(key, {})[frontend] = targets
            sources.setdefault(key, {})[frontend] = source
    return {
        key: Client(
            _home(key, home, world),
            links[key],
            frozenset(address for address in home.networks.values() if address),
            sources[key],
            held.get(key, {}),
        )
        for key, home in homes.items()
        if key in links
    }


def _source(link: Declared, home: Container) -> str:
    """Name what is not the same for all links of this host, of all that resolving one takes."""
    return f"{link.text}/{link.protocol} in {','.join(sorted(home.networks))}"


def _home(key: str, home: Container, world: World) -> Home:
    shared = owner(home, world.containers).network_mode == HOST
    name = key if key.startswith("net:") else ""
    return Home(home.id, home.pid, name, home.started, shared, _sandbox(home.runtime))


def _sandbox(runtime: str) -> str:
    """Return the runtime's name where its containers have a network stack of their own."""
    return runtime if re.search("runsc|gvisor|kata", runtime, re.IGNORECASE) else ""
