"""What a host's containers declare -> what follows from it, wherever services are; pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from arpanet import Container, Instance, Target
from arpanet_ambassador.links import hints, waiting
from arpanet_ambassador.links.declare import (
    BACKEND,
    HOST,
    Declared,
    Declaring,
    holder,
    inhabitants,
    of,
    owner,
    place,
)
from arpanet_ambassador.links.resolve import Answers, Question, lookups
from arpanet_ambassador.links.ways import Addresses, Key
from arpanet_ambassador.names.own import allocate, named
from arpanet_ambassador.planes.plane import LOOPBACK, NOWHERE, Client, Frontend, Held, Home

__all__ = ["NONE", "NOTHING", "Ground", "Grounds", "World", "given", "sandbox"]


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
    :ivar silent: protocol -> addresses of instances that did not answer when they were dialled.
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
    silent: Mapping[str, Addresses] = field(default_factory=dict)
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


class Grounds:
    """Makes one ground after another; what a container does not touch is taken from before.

    Each namespace has a part of its own, which follows from its containers and from what all share:
    so a client that starts costs what that client costs, and not what all clients do.
    """

    def __init__(self) -> None:
        self._shared: object = None
        self._parts: Mapping[str, _Part] = {}

    def make(self, world: World, given: object) -> Ground:
        """Return the ground for *world*.

        :param given: what it is made from.
        """
        own = holder(world)
        shared = world.ambassador, own, world.masters, world.root, world.wait
        before = self._parts if shared == self._shared else {}
        homes, parts = _homes(world), dict[str, _Part]()
        for key, members in inhabitants(world).items():
            home = homes.get(key)
            there = _once(_ambassadors(key, home, world)) if home else frozenset[str]()
            added = tuple(world.added.get(one.id, ()) for one, _ in members)
            mine = members, home, there, added
            part = before.get(key)
            if part is None or part.given != mine:
                part = _part(key, home, there, of(key, members, own, world), world, mine)
            parts[key] = part
        self._shared, self._parts = shared, parts
        return _joined({key: parts[key] for key in homes if key in parts}, parts, given)


#: Name of a pool -> where it leads while there is no instance.
Otherwise = tuple[tuple[str, tuple[Target, ...]], ...]


class _Row(NamedTuple):
    """A link, with all that Ground has of it.

    :ivar pools: names of where it leads, each with where that leads while there is no instance.
    """

    link: Declared
    frontends: tuple[Frontend, ...]
    places: Mapping[Frontend, Frontend]
    key: Key | None
    pools: Otherwise


class _Part(NamedTuple):
    """The ground of one namespace.

    :ivar home: the container that stands for it, ``None``: nobody there has a valid link.
    """

    given: object
    rows: Sequence[_Row]
    home: Container | None
    client: Client | None
    ambassadors: frozenset[str]
    names: Mapping[str, str]
    lookups: frozenset[Question]


def _part(
    key: str,
    home: Container | None,
    there: frozenset[str],
    links: Sequence[Declared],
    world: World,
    given: object,
) -> _Part:
    """Return the part of one namespace.

    :param there: where its apps dial the ambassador.
    """
    home = home if any(link.spec for link in links) else None
    names = _names(frozenset().union(*named(links)))
    networks = _once(frozenset(home.networks if home else ()))
    frontends = [_once(_frontends(link, there, names)) if home else () for link in links]
    places = _places(links, frontends, there)
    rows = []
    leads: dict[Frontend, str] = {}
    held: dict[Frontend, Held] = {}
    for link, dialled, kept in zip(links, frontends, places, strict=True):
        way = _once((link.spec, networks, link.protocol)) if link.spec else None
        pools = _leading(link, home, dialled, kept, leads, held) if home else ()
        rows.append(_Row(link, dialled, kept, way, pools))
    client = None
    if home and leads:
        addresses = frozenset(address for address in home.networks.values() if address)
        client = Client(_home(key, home, world), _alike((*leads.items(),)), addresses, held or NONE)
    asked = frozenset(one for link in links if link.spec for one in lookups(link.spec))
    return _Part(given, rows, home, client, there, names, asked)


def _joined(ordered: Mapping[str, "_Part"], parts: Mapping[str, "_Part"], given: object) -> Ground:
    """Return the ground that *parts* are.

    :param ordered: those whose namespaces have a home, by the order of these.
    """
    rows = sorted((row for part in parts.values() for row in part.rows), key=_by_client)
    keys: dict[Key, int] = {}
    pools: dict[str, tuple[int, tuple[Target, ...]]] = {}
    indices = []
    for row in rows:
        index = keys.setdefault(row.key, len(keys)) if row.key else -1
        indices.append(index)
        for name, otherwise in row.pools:
            pools[name] = index, otherwise
    served = {key: part for key, part in ordered.items() if part.home}
    return Ground(
        given,
        [row.link for row in rows],
        [row.frontends for row in rows],
        [row.places for row in rows],
        indices,
        list(keys),
        {key: part.home for key, part in served.items() if part.home},
        {key: part.client for key, part in served.items() if part.client},
        pools,
        {key: part.ambassadors for key, part in served.items()},
        {key: part.names for key, part in parts.items() if part.rows},
        frozenset().union(*(part.lookups for part in parts.values())),
    )


def _by_client(row: _Row) -> tuple[str, int, str]:
    return row.link.client, row.link.port, row.link.form


_names = lru_cache(1 << 10)(allocate)


@lru_cache(1 << 12)
def _kept(one: object) -> object:
    return one


def _once(one: T) -> T:
    """Return the first of equal ones: a thousand clients of one image are alike in nearly all."""
    return cast(T, _kept(one))


@lru_cache(1 << 12)
def _alike(links: tuple[tuple[Frontend, str], ...]) -> Mapping[Frontend, str]:
    return dict(links)


def _places(
    links: Sequence[Declared],
    frontends: Sequence[tuple[Frontend, ...]],
    ambassadors: Collection[str],
) -> list[Mapping[Frontend, Frontend]]:
    """Return the places of one namespace's links that wait: each is one link's alone."""
    taken = {one for dialled in frontends for one in dialled}
    places: list[Mapping[Frontend, Frontend]] = []
    for link, dialled in zip(links, frontends, strict=True):
        found: Mapping[Frontend, Frontend] = NONE
        if link.wait and link.spec:
            found = waiting.places(dialled, ambassadors, taken)
            taken.update(found.values())
        places.append(found)
    return places


def _homes(world: World) -> dict[str, Container]:
    """Return the container that stands for each namespace: its owner, if any."""
    homes: dict[str, Container] = {}
    for key in sorted(world.containers):
        space, home = place(world.containers[key], world)
        if home.network_mode == HOST:
            home = world.containers[key]
        if space not in homes or homes[space].id > home.id:
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


def _leading(
    link: Declared,
    home: Container,
    dialled: Iterable[Frontend],
    places: Mapping[Frontend, Frontend],
    leads: dict[Frontend, str],
    held: dict[Frontend, Held],
) -> Otherwise:
    """Add to *leads* and *held* what *link* comes to; return the pools of it."""
    found: dict[str, tuple[Target, ...]] = {}
    pool = _once(_pool(link, home))
    for one in dialled:
        name = pool
        if link.spec:
            found[pool] = ()
        if place := places.get(one):
            held[place] = Held(link.wait, pool)
            name = _once(f"{pool} or held at {place.address}:{place.port}")
            found[name] = (Target(place.address, place.port),)
        leads[one] = name
    return _once((*found.items(),))


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
