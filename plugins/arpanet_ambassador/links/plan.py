"""What a host's containers declare -> what each network namespace is to hold; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from arpanet import Container, Instance, Target
from arpanet_ambassador.links import hints, waiting
from arpanet_ambassador.links.declare import BACKEND, HOST, Declared, Declaring, declared, owner
from arpanet_ambassador.links.resolve import Answers, Question, lookups
from arpanet_ambassador.links.specs import Service
from arpanet_ambassador.links.ways import Addresses, Key, Way, Ways
from arpanet_ambassador.names.own import allocate, named
from arpanet_ambassador.planes.plane import LOOPBACK, NOWHERE, Client, Frontend, Held, Home

__all__ = ["Ground", "Plan", "Planner", "Resolved", "World", "make", "sandbox"]


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
    :ivar unnamed: container name -> name that its links are dialled at -> why its hosts file was
        left alone there.
    """

    services: Mapping[str, tuple[Instance, ...]]
    host: str
    isolated: frozenset[str] = frozenset()
    internal: frozenset[str] = frozenset()
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    remembered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    silent: Addresses = frozenset()
    unnamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def backends(self) -> Mapping[str, str]:
        """The container that clients are linked to: network -> its address there."""
        own = (c.networks for c in self.containers.values() if c.name == self.ambassador)
        return next(own, {})

    @cached_property
    def unpublished(self) -> hints.Unpublished:
        """What may be meant by a service that has no instance."""
        return hints.unpublished(self.containers.values())

    @cached_property
    def taken(self) -> frozenset[str]:
        """The addresses that other containers have now."""
        others = (c for c in self.containers.values() if c.name != self.ambassador)
        return frozenset(address for c in others for address in c.networks.values())


class Resolved(NamedTuple):
    """A declaration and where it leads now; *error* says why nowhere.

    :ivar frontends: what is dialled for it.
    :ivar note: what is unusual about it, ``""`` when nothing is.
    :ivar places: of a link that waits: what is dialled -> where the proxy holds it meanwhile.
    """

    declared: Declared
    targets: tuple[Target, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    error: str = ""
    note: str = ""
    places: Mapping[Frontend, Frontend] = MappingProxyType({})


@dataclass(frozen=True)
class Plan:
    """What the planes are to do.

    :ivar clients: namespace -> what it is to hold.
    :ivar ambassadors: namespace -> where its apps dial the ambassador.
    :ivar names: namespace -> name that an app dials -> its address.
    :ivar lookups: what must be asked of DNS and of plugins.
    :ivar ways: where all of it leads; links share them.
    :ivar ground: all of it that does not follow from where links lead.
    """

    resolved: tuple[Resolved, ...] = ()
    clients: Mapping[str, Client] = field(default_factory=dict)
    ambassadors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lookups: frozenset[Question] = frozenset()
    ways: tuple[Way, ...] = ()
    ground: "Ground | None" = None

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that links here lead to, or would if there were instances."""
        specs = {key[0] for key in self.ground.keys} if self.ground else ()
        return frozenset(spec.name for spec in specs if isinstance(spec, Service))

    @property
    def unconfirmed(self) -> Addresses:
        """What the registry lost, and a link here uses."""
        return frozenset().union(*(way.unconfirmed for way in self.ways))

    @property
    def watched(self) -> Addresses:
        """What the registry has on other hosts, and a link here uses."""
        return frozenset().union(*(way.watched for way in self.ways))


class Space(NamedTuple):
    """A namespace with links.

    :ivar addresses: its own.
    :ivar numbers: its links, by their place in the ground.
    :ivar sources: see :class:`~arpanet_ambassador.planes.plane.Client`.
    """

    home: Home
    addresses: frozenset[str]
    numbers: Sequence[int]
    sources: Mapping[Frontend, str]


class Ground(NamedTuple):
    """What of a plan follows from containers, and not from the registry.

    :ivar given: what it was made from.
    :ivar homes: namespace -> the container that stands for it.
    :ivar links: every declaration; the three that follow go with them, one by one.
    :ivar keys: the ways that links need; of one that has none, the index is -1.
    """

    given: object
    links: list[Declared]
    frontends: list[tuple[Frontend, ...]]
    places: list[Mapping[Frontend, Frontend]]
    indices: list[int]
    keys: list[Key]
    homes: Mapping[str, Container]
    spaces: Mapping[str, Space]
    ambassadors: Mapping[str, frozenset[str]]
    names: Mapping[str, Mapping[str, str]]
    lookups: frozenset[Question]


class Planner:
    """Makes one plan after another; what a change does not touch is taken from the one before."""

    def __init__(self) -> None:
        self._plan = Plan()
        self._ways = Ways()

    def make(self, world: World) -> Plan:
        """Return the plan for *world*."""
        before = self._plan
        given = _given(world)
        same = before.ground is not None and before.ground.given == given
        ground = before.ground if before.ground and same else _ground(world, given)
        self._ways.begin()
        ways = tuple(self._ways.of(key, world) for key in ground.keys)
        if same:
            pairs = enumerate(zip(ways, before.ways, strict=True))
            news = {number for number, (way, old) in pairs if way is not old}
            if not news:
                return before
            resolved = list(before.resolved)
            touched = [n for n, index in enumerate(ground.indices) if index in news]
        else:
            every = zip(ground.links, ground.frontends, strict=True)
            resolved = [Resolved(link, (), dialled, link.error) for link, dialled in every]
            touched = [n for n, index in enumerate(ground.indices) if index >= 0]
        for number in touched:
            resolved[number] = _resolved(number, ground, ways, world)
        spaces = {ground.links[n].namespace for n in touched} if same else ground.spaces.keys()
        clients = {
            key: _client(space, resolved) for key, space in ground.spaces.items() if key in spaces
        }
        self._plan = Plan(
            tuple(resolved),
            {**before.clients, **clients} if same else clients,
            ground.ambassadors,
            ground.names,
            ground.lookups,
            ways,
            ground,
        )
        return self._plan


def make(world: World) -> Plan:
    """Return the plan for *world*, made from nothing."""
    return Planner().make(world)


def _given(world: World) -> object:
    """Return what the ground is made from: compared by identity as far as nothing changed.

    What a namespace remembers is what the last plan had: the same as long as nothing else differs.
    """
    return (
        world.containers,
        world.namespaces,
        world.named,
        world.added,
        world.ambassador,
        world.masters,
        world.root,
        world.wait,
        world.unnamed,
        world.former,
    )


def _ground(world: World, given: object) -> Ground:
    links = declared(world)
    homes = _homes(links, world)
    ambassadors = {key: _ambassadors(key, home, world) for key, home in homes.items()}
    names = {key: allocate(set().union(*named(of))) for key, of in _by_namespace(links).items()}
    frontends = [
        _frontends(link, ambassadors[link.namespace], names.get(link.namespace, {}))
        if link.namespace in homes
        else ()
        for link in links
    ]
    keys: dict[Key, int] = {}
    indices = [
        keys.setdefault(
            (link.spec, frozenset(homes[link.namespace].networks), link.protocol), len(keys)
        )
        if link.spec
        else -1
        for link in links
    ]
    return Ground(
        given,
        links,
        frontends,
        _places(links, frontends, ambassadors),
        indices,
        list(keys),
        homes,
        _spaces(links, frontends, homes, world),
        ambassadors,
        names,
        frozenset(key for link in links if link.spec for key in lookups(link.spec)),
    )


def _places(
    links: Sequence[Declared],
    frontends: Sequence[tuple[Frontend, ...]],
    ambassadors: Mapping[str, frozenset[str]],
) -> list[Mapping[Frontend, Frontend]]:
    """Return the places of those that wait: each is one link's alone."""
    taken: dict[str, set[Frontend]] = {}
    for link, dialled in zip(links, frontends, strict=True):
        taken.setdefault(link.namespace, set()).update(dialled)
    places: list[Mapping[Frontend, Frontend]] = []
    for link, dialled in zip(links, frontends, strict=True):
        found: Mapping[Frontend, Frontend] = {}
        if link.wait and link.spec:
            key = link.namespace
            found = waiting.places(dialled, ambassadors.get(key, ()), taken[key])
            taken[key].update(found.values())
        places.append(found)
    return places


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
        addresses = sorted(ambassadors) if link.spec else []
    elif not link.spec:  # its name has an address all the same, at which localhost's link answers
        addresses = [names[link.name]] if link.port and link.name in names else []
    else:
        addresses = [names[link.name] if link.name else LOOPBACK]
    return tuple(Frontend(address, link.port, link.protocol) for address in addresses)


def _resolved(number: int, ground: Ground, ways: Sequence[Way], world: World) -> Resolved:
    link, frontends, places = ground.links[number], ground.frontends[number], ground.places[number]
    if not frontends:
        name = ground.homes[link.namespace].name
        words = f"{world.ambassador} has no address that {name} could dial: 'arpanet status'"
        return Resolved(link, error=f"{words} says more")
    way = ways[ground.indices[number]]
    error = f"{way.error}{hints.hint(link, world.services, world.unpublished)}" if way.error else ""
    name = hints.unnamed(link, world.unnamed.get(link.client, {})) if world.unnamed else ""
    note = "; ".join(filter(None, (name, way.note)))
    return Resolved(link, way.targets, frontends, error, note, places)


def _client(space: Space, resolved: Sequence[Resolved]) -> Client:
    links: dict[Frontend, tuple[Target, ...]] = {}
    held: dict[Frontend, Held] = {}
    sources = space.sources
    for number in space.numbers:
        one = resolved[number]
        for frontend in one.frontends:
            links[frontend] = one.targets
            if place := one.places.get(frontend):
                held[place] = Held(one.declared.wait, one.targets)
                if not one.targets:
                    links[frontend] = (Target(place.address, place.port),)
                    there = f"{sources[frontend]} held at {place.address}"
                    sources = {**sources, frontend: there}
    return Client(space.home, links, space.addresses, sources, held)


def _spaces(
    links: Sequence[Declared],
    frontends: Sequence[Sequence[Frontend]],
    homes: Mapping[str, Container],
    world: World,
) -> dict[str, Space]:
    """Return the namespaces that have anything to dial."""
    numbers: dict[str, list[int]] = {}
    for number, dialled in enumerate(frontends):
        if dialled:
            numbers.setdefault(links[number].namespace, []).append(number)
    return {
        key: Space(
            _home(key, home, world),
            frozenset(address for address in home.networks.values() if address),
            numbers[key],
            {one: _source(links[n], home) for n in numbers[key] for one in frontends[n]},
        )
        for key, home in homes.items()
        if key in numbers
    }


def _source(link: Declared, home: Container) -> str:
    """Name what is not the same for all links of this host, of all that resolving one takes."""
    if not link.spec:
        return NOWHERE
    return f"{link.text}/{link.protocol} in {','.join(sorted(home.networks))}"


def _home(key: str, home: Container, world: World) -> Home:
    shared = owner(home, world.containers).network_mode == HOST
    name = key if key.startswith("net:") else ""
    return Home(home.id, home.pid, name, home.started, shared, sandbox(home.runtime))


def sandbox(runtime: str) -> str:
    """Return the runtime's name where its containers have a network stack of their own."""
    return runtime if re.search("runsc|gvisor|kata", runtime, re.IGNORECASE) else ""
