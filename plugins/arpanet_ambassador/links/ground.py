"""What a host's containers declare -> what follows from it, wherever services are; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from arpanet import Container, Instance, Target
from arpanet_ambassador.links import hints, waiting
from arpanet_ambassador.links.declare import BACKEND, HOST, Declared, Declaring, declared, owner
from arpanet_ambassador.links.resolve import Answers, Question, lookups
from arpanet_ambassador.links.ways import Addresses, Key
from arpanet_ambassador.names.own import allocate, named
from arpanet_ambassador.planes.plane import LOOPBACK, NOWHERE, Client, Frontend, Held, Home

__all__ = ["NONE", "NOTHING", "Ground", "World", "given", "make", "sandbox"]


T = TypeVar("T")
NONE: Mapping[Frontend, Any] = MappingProxyType({})


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

    def hint(self, link: Declared) -> str:
        """Return what may be said of *link*, whose service has no instance."""
        return hints.hint(link, self.services, self._unpublished)

    def nameless(self, link: Declared) -> str:
        """Return why *link* has no name to be dialled at, where it should have one."""
        return hints.unnamed(link, self.unnamed.get(link.client, {})) if self.unnamed else ""

    @cached_property
    def _unpublished(self) -> hints.Unpublished:
        return hints.unpublished(self.containers.values())

    @cached_property
    def taken(self) -> frozenset[str]:
        """The addresses that other containers have now."""
        others = (c for c in self.containers.values() if c.name != self.ambassador)
        return frozenset(address for c in others for address in c.networks.values())


class Ground(NamedTuple):
    """What of a plan follows from containers, and not from the registry.

    :ivar given: what it was made from.
    :ivar homes: namespace -> the container that stands for it.
    :ivar links: every declaration; the three that follow go with them, one by one.
    :ivar places: of a link that waits: what is dialled -> where the proxy holds it meanwhile.
    :ivar indices: which of *keys* it needs; of one that has none, the index is -1.
    :ivar keys: the ways that links need.
    :ivar pools: name -> the index of its way, and where it leads while that leads nowhere.
    """

    given: object
    links: Sequence[Declared]
    frontends: Sequence[tuple[Frontend, ...]]
    places: Sequence[Mapping[Frontend, Frontend]]
    indices: Sequence[int]
    keys: Sequence[Key]
    homes: Mapping[str, Container]
    clients: Mapping[str, Client]
    pools: Mapping[str, tuple[int, tuple[Target, ...]]]
    ambassadors: Mapping[str, frozenset[str]]
    names: Mapping[str, Mapping[str, str]]
    lookups: frozenset[Question]


#: Of no container at all.
NOTHING = Ground(None, (), (), (), (), (), {}, {}, {}, {}, {}, frozenset())


def given(world: World) -> object:
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


def make(world: World, given: object) -> Ground:
    """Return the ground for *world*, made from nothing.

    :param given: what it is made from.
    """
    links = declared(world)
    homes = _homes(links, world)
    once = _Once()  # a thousand clients of one image are alike in nearly all of it
    ambassadors = {key: once(_ambassadors(key, home, world)) for key, home in homes.items()}
    names = {key: _names(frozenset().union(*named(of))) for key, of in _by_namespace(links).items()}
    frontends = [
        once(_frontends(link, ambassadors[link.namespace], names.get(link.namespace, {})))
        if link.namespace in homes
        else ()
        for link in links
    ]
    networks = {key: once(frozenset(home.networks)) for key, home in homes.items()}
    keys: dict[Key, int] = {}
    indices = [
        keys.setdefault((link.spec, networks[link.namespace], link.protocol), len(keys))
        if link.spec
        else -1
        for link in links
    ]
    places = _places(links, frontends, ambassadors)
    every = zip(links, frontends, places, indices, strict=True)
    clients, pools = _clients(every, homes, world, once)
    return Ground(
        given,
        links,
        frontends,
        places,
        indices,
        list(keys),
        homes,
        clients,
        pools,
        ambassadors,
        names,
        frozenset(key for link in links if link.spec for key in lookups(link.spec)),
    )


_names = lru_cache(1 << 10)(allocate)


class _Once:
    """Gives the first of equal ones for all: each is kept once."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def __call__(self, one: T) -> T:
        return cast(T, self._known.setdefault(one, one))


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
        found: Mapping[Frontend, Frontend] = NONE
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


def _clients(
    every: Iterable[tuple[Declared, tuple[Frontend, ...], Mapping[Frontend, Frontend], int]],
    homes: Mapping[str, Container],
    world: World,
    once: _Once,
) -> tuple[dict[str, Client], dict[str, tuple[int, tuple[Target, ...]]]]:
    """Return the namespaces that have anything to dial, and the pools that their links lead to."""
    links: dict[str, dict[Frontend, str]] = {}
    held: dict[str, dict[Frontend, Held]] = {}
    pools: dict[str, tuple[int, tuple[Target, ...]]] = {}
    for link, dialled, places, index in every:
        if not dialled:
            continue
        pool = once(_pool(link, homes[link.namespace]))
        if index >= 0:
            pools[pool] = index, ()
        for one in dialled:
            name = pool
            if place := places.get(one):
                held.setdefault(link.namespace, {})[place] = Held(link.wait, pool)
                name = once(f"{pool} or held at {place.address}:{place.port}")
                pools[name] = index, (Target(place.address, place.port),)
            links.setdefault(link.namespace, {})[one] = name
    alike: dict[tuple[tuple[Frontend, str], ...], dict[Frontend, str]] = {}
    clients = {
        key: Client(
            _home(key, home, world),
            alike.setdefault((*links[key].items(),), links[key]),
            frozenset(address for address in home.networks.values() if address),
            held.get(key, NONE),
        )
        for key, home in homes.items()
        if key in links
    }
    return clients, pools


def _pool(link: Declared, home: Container) -> str:
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
