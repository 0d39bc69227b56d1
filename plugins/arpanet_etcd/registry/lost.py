"""What vanished from the store without having been withdrawn, and is kept all the same. Pure."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from arpanet import Instance

__all__ = ["AGE", "COUNT", "Address", "Lost", "address_of"]

#: Seconds that what vanished is kept for, unless it is confirmed or taken back before.
AGE = 86_400.0
#: How many are kept; of more, those that vanished first go.
COUNT = 20_000

Address = tuple[str, int, str]
K = TypeVar("K")
V = TypeVar("V")


class Entry(NamedTuple):
    """One instance, as it was last seen, and when it vanished, by the clock given."""

    instance: Instance
    since: float


def address_of(instance: Instance) -> Address | None:
    """Return where *instance* is dialled; ``None``: by nobody but its own host."""
    return (instance.ip, instance.port, instance.protocol) if instance.ip else None


class Lost:
    """By (host, id), which no other instance has; of leaves that nobody owns the host is ``""``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: in the order in which they vanished
        self._entries: dict[tuple[str, str], Entry] = {}
        self._hosts: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        self._addresses: dict[Address, set[tuple[str, str]]] = {}

    def __iter__(self) -> Iterator[tuple[str, Instance, float]]:
        """Yield host, instance, and for how many seconds it has been gone."""
        now = self._clock()
        for (host, _), entry in self._entries.items():
            yield host, entry.instance, now - entry.since

    def add(self, host: str, instance: Instance, age: float = 0.0) -> None:
        """Keep *instance*, gone for *age* seconds; if it is kept already, since then."""
        key = (host, instance.id)
        known = self._entries.get(key)
        if known:  # it keeps its place in the order
            self._unindex(host, instance.id, known)
        self._entries[key] = Entry(instance, known.since if known else self._clock() - age)
        self._hosts.setdefault(host, set()).add(instance.id)
        self._ids.setdefault(instance.id, set()).add(host)
        if address := address_of(instance):
            self._addresses.setdefault(address, set()).add(key)

    def drop(self, host: str, instance_id: str) -> bool:
        """Keep it no more; return whether it was kept."""
        entry = self._entries.pop((host, instance_id), None)
        if entry is None:
            return False
        self._unindex(host, instance_id, entry)
        return True

    def _unindex(self, host: str, instance_id: str, entry: Entry) -> None:
        _discard(self._hosts, host, instance_id)
        _discard(self._ids, instance_id, host)
        if address := address_of(entry.instance):
            _discard(self._addresses, address, (host, instance_id))

    def of_host(self, host: str) -> frozenset[str]:
        """Return the ids that *host* lost."""
        return frozenset(self._hosts.get(host, ()))

    def of_id(self, instance_id: str) -> Mapping[str, Instance]:
        """Return host -> the instance of that id that it lost."""
        hosts = self._ids.get(instance_id, ())
        return {host: self._entries[host, instance_id].instance for host in hosts}

    def at(self, address: Address) -> frozenset[tuple[str, str]]:
        """Return (host, id) of those that were reached at *address*."""
        return frozenset(self._addresses.get(address, ()))

    def expire(self) -> frozenset[str]:
        """Drop what is too old or too much; return the ids."""
        gone = set()
        oldest = self._clock() - AGE
        for host, instance_id in list(self._entries):
            entry = self._entries[host, instance_id]
            if len(self._entries) <= COUNT and entry.since >= oldest:
                break
            self.drop(host, instance_id)
            gone.add(instance_id)
        return frozenset(gone)


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    index[key].discard(value)
    if not index[key]:
        del index[key]
