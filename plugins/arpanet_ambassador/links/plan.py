"""What a host's containers declare -> what each network namespace is to hold; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from typing import NamedTuple

from arpanet import Target
from arpanet_ambassador.links import ground as grounds
from arpanet_ambassador.links.declare import Declared
from arpanet_ambassador.links.ground import NONE, NOTHING, Ground, World
from arpanet_ambassador.links.resolve import Question
from arpanet_ambassador.links.specs import Service
from arpanet_ambassador.links.ways import Addresses, Way, Ways
from arpanet_ambassador.planes.plane import Client, Frontend, Pools

__all__ = ["Plan", "Planner", "Resolved", "make"]


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
    places: Mapping[Frontend, Frontend] = NONE


@dataclass(frozen=True)
class Plan:
    """What the planes are to do, and what people are told of it once they ask.

    :ivar ways: where all of it leads; links share them.
    :ivar ground: all of it that does not follow from where links lead.
    :ivar world: what it was made from.
    """

    ways: tuple[Way, ...] = ()
    ground: Ground = NOTHING
    world: World | None = None

    @property
    def clients(self) -> Mapping[str, Client]:
        """Namespace -> what it is to hold; the same object as long as containers are."""
        return self.ground.clients

    @property
    def ambassadors(self) -> Mapping[str, frozenset[str]]:
        """Namespace -> where its apps dial the ambassador."""
        return self.ground.ambassadors

    @property
    def names(self) -> Mapping[str, Mapping[str, str]]:
        """Namespace -> name that an app dials -> its address."""
        return self.ground.names

    @property
    def lookups(self) -> frozenset[Question]:
        """What must be asked of DNS and of plugins."""
        return self.ground.lookups

    @cached_property
    def pools(self) -> Pools:
        """Where the clients' links lead."""
        return {
            name: self.ways[index].targets or otherwise
            for name, (index, otherwise) in self.ground.pools.items()
        }

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that links here lead to, or would if there were instances."""
        specs = {key[0] for key in self.ground.keys}
        return frozenset(spec.name for spec in specs if isinstance(spec, Service))

    def unconfirmed(self, protocol: str = "tcp") -> Addresses:
        """Return what the registry lost, and a link here uses by *protocol*."""
        return frozenset().union(*(way.unconfirmed for way in self._by(protocol)))

    def watched(self, protocol: str = "tcp") -> Addresses:
        """Return what the registry has, and a link here uses by *protocol*."""
        return frozenset().union(*(way.watched for way in self._by(protocol)))

    def _by(self, protocol: str) -> Iterator[Way]:
        keys = self.ground.keys
        return (way for key, way in zip(keys, self.ways, strict=True) if key[2] == protocol)

    def resolved(self, number: int) -> Resolved:
        """Return where the link at this place of the ground leads."""
        ground = self.ground
        link, frontends = ground.links[number], ground.frontends[number]
        index = ground.indices[number]
        if index < 0 or not self.world:
            return Resolved(link, (), frontends, link.error)
        if not frontends:
            name = ground.homes[link.namespace].name
            words = f"{self.world.ambassador} has no address that {name} could dial"
            return Resolved(link, error=f"{words}: 'arpanet status' says more")
        way = self.ways[index]
        error = f"{way.error}{self.world.hint(link)}" if way.error else ""
        note = "; ".join(filter(None, (self.world.nameless(link), way.note)))
        return Resolved(link, way.targets, frontends, error, note, ground.places[number])


class Planner:
    """Makes one plan after another; what a change does not touch is taken from the one before."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._ways, self._grounds = Ways(), grounds.Grounds()

    def make(self, world: World) -> Plan:
        """Return the plan for *world*: that of before if it would be the same."""
        before, given = self._plan, grounds.given(world)
        same = before is not None and before.ground.given == given
        ground = before.ground if before and same else self._grounds.make(world, given)
        self._ways.begin()
        ways = tuple(self._ways.of(key, world) for key in ground.keys)
        if before and same and all(map(is_, ways, before.ways)):
            return before
        self._plan = Plan(ways, ground, world)
        return self._plan


def make(world: World) -> Plan:
    """Return the plan for *world*, made from nothing."""
    return Planner().make(world)
