"""What a host has to write so that the registry holds what was published. Pure."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from arpanet import Instance, codec
from arpanet_etcd.registry.keys import Layout

__all__ = ["Change", "Entry", "batches", "belongings", "bounded", "changes", "next_number"]

#: etcd takes 128 operations, and as many comparisons, in one transaction (--max-txn-ops).
OPERATIONS = 126
#: etcd takes 1.5 MiB in one request (--max-request-bytes).
BYTES = 1_000_000
#: What one instance may take of them: it is written all or nothing.
NAMES, SIZE, KEY = 64, 200_000, 2_000


class Entry(NamedTuple):
    """A key as it was last seen.

    :ivar revision: at which it last changed.
    :ivar mine: it lives with this host's session.
    :ivar kept: it lives with a session of somebody else, who keeps it alive.
    """

    value: str
    revision: int
    mine: bool
    kept: bool = False


@dataclass
class Change:
    """What to write for one instance, all or nothing.

    :ivar id: the instance's.
    :ivar expected: where each key to be put must still be for this to be right; 0: nowhere yet.
    :ivar deletes: own keys, to be deleted only while they are own.
    """

    id: str
    puts: dict[str, str] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many it takes."""
        return len(self.puts) + len(self.deletes)

    @property
    def size(self) -> int:
        """Bytes in a request: each key is compared, too, and read where that fails."""
        keys = sum(map(len, (*self.puts, *self.deletes)))
        return 3 * keys + sum(map(len, self.puts.values())) + 100 * self.operations


def changes(
    wanted: Iterable[Instance], known: Mapping[str, Entry], layout: Layout, host: str
) -> tuple[list[Change], dict[str, str]]:
    """Return what to write, and what is refused: instance id -> why."""
    found: dict[str, Change] = {}
    refused: dict[str, str] = {}
    keys: set[str] = set()
    for instance in wanted:
        try:
            entries = _entries(instance, layout, host)
        except ValueError as problem:
            refused[instance.id] = str(problem)
            continue
        keys |= entries.keys()
        taken = [key for key in list(entries)[1:] if _taken(known.get(key), entries[key])]
        if taken:
            refused[instance.id] = (
                f"{', '.join(taken)} is another host's: give the container a SERVICE_ID of its own"
            )
        puts = {
            key: value
            for key, value in entries.items()
            if key not in taken and not _holds(known.get(key), value)
        }
        if puts:
            expected = {key: known[key].revision if key in known else 0 for key in puts}
            found[instance.id] = Change(instance.id, puts, expected)
    for key, entry in known.items():
        parsed = layout.parse(key) if entry.mine and key not in keys else None
        # leaves that masters write may live with this host's lease still: they take them over
        if parsed and parsed.kind != "hosts" and (layout.leaves or parsed.kind != "services"):
            found.setdefault(parsed.id, Change(parsed.id)).deletes.append(key)
    return [found[one] for one in sorted(found)], refused


def _entries(instance: Instance, layout: Layout, host: str) -> dict[str, str]:
    """Return all keys and values of *instance*.

    :raises ValueError: they are no keys, or more than a registry is for.
    """
    if not instance.id or instance.host != host:
        raise ValueError(f"has no id, or is of host {instance.host!r}")
    return bounded(instance, layout.entries)


def bounded(instance: Instance, make: Callable[[Instance], dict[str, str]]) -> dict[str, str]:
    """Return the keys and values that *make* makes of *instance*.

    :raises ValueError: they are no keys, or more than a registry is for.
    """
    if len(instance.services) > NAMES:
        raise ValueError(f"has {len(instance.services)} names: {NAMES} are the most")
    try:
        entries = make(instance)
    except UnicodeEncodeError as problem:
        raise ValueError("has a name that is no text") from problem
    size = sum(len(key) + len(value) for key, value in entries.items())
    if size > SIZE:
        raise ValueError(f"its names, tags and attributes take {size} bytes: {SIZE} are the most")
    if longest := next((key for key in entries if len(key) > KEY), ""):
        raise ValueError(f"its name or id is too long for a key: {longest[:60]}...")
    return entries


def _holds(entry: Entry | None, value: str) -> bool:
    return entry is not None and entry.mine and entry.value == value


def _taken(leaf: Entry | None, address: str) -> bool:
    """Whether a leaf is another host's; one with this address is an earlier session's of this."""
    return leaf is not None and not leaf.mine and leaf.kept and leaf.value != address


def belongings(texts: Mapping[str, str], layout: Layout, host: str) -> dict[str, str]:
    """Return the keys of the instances in the name of *host*: records, and their leaves.

    :param texts: records by key.
    :returns: key -> what it holds, or, for leaves, should hold.
    """
    found: dict[str, str] = {}
    for key, text in texts.items():
        parsed = layout.parse(key)
        if not parsed or parsed.kind != "instances" or parsed.host not in ("", host):
            continue
        try:
            one = codec.decode_instance(parsed.id, text)
        except ValueError:
            found |= {key: text} if parsed.host else {}  # spoilt, and under this host's path
            continue
        if one.host == host or parsed.host:
            names = filter(None, one.services if layout.leaves else ())
            found |= {key: text, **{layout.leaf(name, one.id): one.address for name in names}}
    return found


def batches(todo: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield *todo* in portions that etcd takes in one transaction.

    What only deletes comes first, and on its own: it goes through where etcd is out of space, and
    whatever is wrong with the rest.
    """
    todo = [portion for change in todo for portion in _portions(change)]
    for part in ([one for one in todo if not one.puts], [one for one in todo if one.puts]):
        batch: list[Change] = []
        for change in part:
            full = sum(one.operations for one in batch) + change.operations > OPERATIONS
            if batch and (full or sum(one.size for one in batch) + change.size > BYTES):
                yield batch
                batch = []
            batch.append(change)
        if batch:
            yield batch


def _portions(change: Change) -> Iterator[Change]:
    """Yield *change*, its deletions apart where they are too many for one transaction."""
    if change.operations <= OPERATIONS:
        yield change
        return
    yield Change(change.id, change.puts, change.expected)
    for start in range(0, len(change.deletes), OPERATIONS):
        yield Change(change.id, deletes=change.deletes[start : start + OPERATIONS])


def next_number(number: int) -> int:
    """Return what a host says next, having said *number* (see :attr:`arpanet.Host.listed`)."""
    return max(number + 1, int(time.time() * 1000))
