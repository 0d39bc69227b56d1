"""Where values lead: found once for all clients that see it alike, and again when it changed; pure.

A host has thousands of links and few ways. One that did not change is the very object of before,
so that whoever comes later can pass it over without a look at its targets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from arpanet import Instance, Target, hostport
from arpanet_ambassador.links.resolve import Answers, View, lookups, resolve, unconfirmed, watched
from arpanet_ambassador.links.specs import Service, Spec

__all__ = ["Addresses", "Key", "Seen", "Way", "Ways"]

Addresses = frozenset[tuple[str, int]]
#: What is asked for, from which networks, by which protocol.
Key = tuple[Spec, frozenset[str], str]


@dataclass(frozen=True)
class Way:
    """Where a value leads, as some clients see it.

    :ivar error: why nowhere, ``""``: there are targets.
    :ivar unconfirmed: addresses, among the targets or not, of what the registry lost.
    :ivar watched: the same of what it has.
    :ivar note: what is unusual about it.
    """

    targets: tuple[Target, ...] = ()
    error: str = ""
    unconfirmed: Addresses = frozenset()
    watched: Addresses = frozenset()
    note: str = ""


class Seen(Protocol):
    """What ways are found from; see :class:`~arpanet_ambassador.links.plan.World`."""

    @property
    def services(self) -> Mapping[str, tuple[Instance, ...]]:
        """Service name -> instances."""

    @property
    def host(self) -> str:
        """The name of this host."""

    @property
    def isolated(self) -> frozenset[str]:
        """Networks whose containers can't dial each other."""

    @property
    def internal(self) -> frozenset[str]:
        """Networks from which nothing else can be dialled."""

    @property
    def answers(self) -> Answers:
        """What DNS and plugins said."""

    @property
    def silent(self) -> Mapping[str, Addresses]:
        """Protocol -> addresses of instances that did not answer."""


class Ways:
    """The ways of one host's links, from one plan to the next."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[object, Way]] = {}
        self._kept: dict[Key, tuple[object, Way]] = {}

    def begin(self) -> None:
        """Forget what the last plan had no use for."""
        self._known, self._kept = self._kept, {}

    def of(self, key: Key, seen: Seen) -> Way:
        """Return where *key* leads now."""
        before = self._kept.get(key) or self._known.get(key)
        given = _given(key, seen)
        if before is None or before[0] != given:
            way = _found(key, seen)
            # what differs may make no difference
            before = given, before[1] if before and before[1] == way else way
        self._kept[key] = before
        return before[1]


def _given(key: Key, seen: Seen) -> object:
    """Return all that a way depends on; compared by identity as far as nothing changed."""
    spec = key[0]
    if isinstance(spec, Service):
        instances = seen.services.get(spec.name, ())
        return instances, _silent(key, seen), seen.host, seen.isolated, seen.internal
    return [seen.answers.get(one) for one in sorted(lookups(spec), key=str)]


def _silent(key: Key, seen: Seen) -> Addresses:
    return seen.silent.get(key[2], frozenset())


def _found(key: Key, seen: Seen) -> Way:
    spec, networks, protocol = key
    view = View(
        seen.services,
        seen.host,
        networks - seen.isolated,
        not networks or not networks <= seen.internal,
        seen.answers,
        protocol,
        _silent(key, seen),
    )
    try:
        targets = resolve(spec, view)
    except ValueError as problem:
        return Way(error=str(problem))
    lost, known = unconfirmed(spec, view), watched(spec, view)
    silent = (lost | known).intersection(view.silent)
    return Way(targets, "", lost, known, _note(targets, lost, silent))


def _note(targets: tuple[Target, ...], lost: Addresses, silent: Addresses) -> str:
    dialled = {(target.ip, target.port) for target in targets}
    parts = [f"unconfirmed: {_listed(found)}"] if (found := dialled & lost) else []
    if dialled and dialled <= silent:
        parts.append("none of them answers")
    elif silent:
        parts.append(f"silent, and left out: {_listed(silent)}")
    return "; ".join(parts)


def _listed(addresses: Iterable[tuple[str, int]]) -> str:
    return ", ".join(hostport.joined(*one) for one in sorted(addresses))
