"""What others find below ``/services/``, as masters write it: what is there against what should be.

Hosts that were let in write records alone: etcd can't tell by host who may write a leaf. Masters
write the leaves, of what every reader of arpanet's would dial: from a host that is let in, at an
address that it may have, under names that are not others'. Nothing is made of what vanished.

They live with leases of the masters' own, for whose keys hosts have no right. With a host's they
could not: etcd lets nobody write under a lease that has keys which he may not write. It looks at
all of them at each write (3.6), so there is one for the leaves of each host. Leaves with another
lease than these, or a host's, are somebody else's, and stay. No I/O.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from arpanet import Instance, Snapshot, codec
from arpanet_etcd.client.wire import Value
from arpanet_etcd.registry.diff import bounded
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.trust import ADMITTED
from arpanet_etcd.registry.view import Known, View

__all__ = ["Leaf", "Leaves", "lease_of"]

log = logging.getLogger(__name__)

V = TypeVar("V", Value, Value | None)


class Leaf(NamedTuple):
    """What is to become of a key that is at *revision*; *address* ``""``: it is to go."""

    key: str
    address: str
    revision: int
    lease: int = 0


def lease_of(layout: Layout, host: str) -> int:
    """Return the id of the lease of a host's leaves: the same on each master, so none is told."""
    words = f"{layout.root} {host}".encode()
    return int.from_bytes(hashlib.sha256(words).digest()[:8]) >> 1 or 1


class Leaves:
    """What is known of one store, from its beginning.

    :param own: this master's HOSTNAME.
    :param before: what was known until then.
    :ivar heard: the revision up to which the store itself has told of all changes.
    """

    def __init__(self, layout: Layout, own: str, before: "Leaves | None" = None) -> None:
        self._layout, self._own = layout, own
        self._room, self._hosts = f"{layout.root}services/", f"{layout.root}hosts/"
        self._view, self._seen = View(layout), Snapshot()
        if before:  # hosts and names that another store lacks may be put back there
            known = before._view.known()
            self._view.restore(Known({}, [], known.trust, known.reserved))
        self.heard = 0
        self._masters: set[str] = set()
        #: with what each host's record lives
        self._sessions: dict[str, int] = {}
        #: host -> the lease of its leaves
        self._leases: dict[str, int] = {}
        #: key -> address and lease, and by instance
        self._wanted: dict[str, tuple[str, int]] = {}
        self._by_id: dict[str, dict[str, str]] = {}
        self._known: dict[str, Value] = {}
        #: keys that may not be as they should be
        self._open: set[str] = set()

    @property
    def turn(self) -> int | None:
        """How many masters come before this one; ``None``: it is not known to be let in."""
        if self._own not in self._masters:
            return None
        return sorted(self._masters).index(self._own)

    def begin(self, found: Mapping[str, Value], goes_on: bool, revision: int) -> None:
        """Take in all that there is at *revision*.

        :param goes_on: of the same store as before, and not older.
        """
        rest = self._sift(found.items())
        self._view.replace({key: value.value for key, value in rest}, goes_on)
        self.heard = revision
        self._compare()

    def take(self, changed: Iterable[tuple[str, Value | None]], revision: int) -> None:
        """Take in what keys hold at *revision*, ``None``: nothing."""
        self.heard = revision
        rest = self._sift(changed)
        self._view.apply([(key, value.value if value else None) for key, value in rest])
        self._compare()

    def _sift(self, changed: Iterable[tuple[str, V]]) -> Iterator[tuple[str, V]]:
        """Take in leaves, and yield the rest, of which the view makes something."""
        for key, value in changed:
            if key.startswith(self._room):
                self._hold(key, value)
                continue
            if key.startswith(self._hosts):
                self._meet(key, value.lease if value else 0)
            self._admit(key, value)
            yield key, value

    def found(self, key: str, value: Value | None, revision: int) -> None:
        """Take in what a request of ours left, or found, in a leaf at *revision*.

        Its answer may come after word of a later change, which it must not hide.
        """
        if revision > self.heard:
            self._hold(key, value)

    def _hold(self, key: str, value: Value | None) -> None:
        self._open.add(key)
        if value:
            self._known[key] = value
        else:
            self._known.pop(key, None)

    def _meet(self, key: str, lease: int) -> None:
        if self._sessions.get(key) != lease:
            self._sessions[key] = lease
            if parsed := self._layout.parse(key):
                self._lease_of(parsed.id)
            # what a host wrote itself, where nobody had to be let in, is the masters' from now on
            self._open |= self._known.keys() - self._wanted.keys()

    def _admit(self, key: str, value: Value | None) -> None:
        parsed = self._layout.parse(key)
        if parsed and parsed.kind == ADMITTED:
            self._masters.discard(parsed.id)
            if value and _is_master(value.value):
                self._masters.add(parsed.id)

    def _compare(self) -> None:
        now = self._view.snapshot()
        for one in now.diff(self._seen).instances:
            before = self._by_id.pop(one, {})
            for key in before:
                del self._wanted[key]
            after = self._leaves_of(now.instances.get(one))
            if after:
                self._by_id[one] = after
                lease = self._lease_of(now.instances[one].host)
                self._wanted.update({key: (text, lease) for key, text in after.items()})
            self._open |= before.keys() | after.keys()
        self._seen = now

    def leases(self) -> set[int]:
        """Return those that are to be kept alive."""
        return {lease for _, lease in self._wanted.values()}

    def _lease_of(self, host: str) -> int:
        if host not in self._leases:
            self._leases[host] = lease_of(self._layout, host)
        return self._leases[host]

    def _leaves_of(self, instance: Instance | None) -> dict[str, str]:
        if instance is None or instance.unconfirmed:
            return {}
        try:
            return bounded(instance, self._layout.listed)
        except ValueError as problem:  # its host would not have written that
            log.warning("nothing is listed of %s: %s", instance.id, problem)
            return {}

    def todo(self) -> list[Leaf]:
        """Return what is not as it should be: what is to go first."""
        ours = {*self._leases.values(), *self._sessions.values()} - {0}
        found = []
        for key in self._open:
            value, (address, lease) = self._known.get(key), self._wanted.get(key, ("", 0))
            revision = value.mod_revision if value else 0
            if address and not (value and (value.value, value.lease) == (address, lease)):
                found.append(Leaf(key, address, revision, lease))
            elif not address and value and value.lease in ours:
                found.append(Leaf(key, "", revision))
        self._open = {one.key for one in found}
        return sorted(found, key=lambda one: (bool(one.address), one.key))


def _is_master(text: str) -> bool:
    try:
        given: Mapping[str, object] = dict(codec.parse(text))
    except (ValueError, TypeError):
        return False
    return given.get("role") == "master"
