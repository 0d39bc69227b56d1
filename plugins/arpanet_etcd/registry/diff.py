"""What a host has to write so that the registry holds what was published. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from arpanet import Instance, codec
from arpanet_etcd.registry.keys import Layout

__all__ = ["Change", "Entry", "batches", "belongings", "changes", "owner"]

#: etcd takes 128 operations, and as many comparisons, in one transaction (--max-txn-ops).
LIMIT = 126


class Entry(NamedTuple):
    """A key as it was last seen.

    :ivar revision: at which it last changed.
    :ivar mine: it lives with this host's session.
    """

    value: str
    revision: int
    mine: bool


@dataclass
class Change:
    """What to write for one instance, all or nothing.

    :ivar record: the key of its record.
    :ivar revision: where the record must still be for this to be right; 0: it must not exist.
    :ivar deletes: own keys, to be deleted only while they are own.
    """

    record: str
    revision: int
    puts: dict[str, str] = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)


def changes(
    wanted: Iterable[Instance], known: Mapping[str, Entry], layout: Layout, host: str
) -> tuple[list[Change], dict[str, str]]:
    """Return what to write, and what is refused: instance id -> the other host that owns it."""
    found: dict[str, Change] = {}
    refused: dict[str, str] = {}

    def change(instance_id: str) -> Change:
        record = layout.record(instance_id)
        revision = known[record].revision if record in known else 0
        return found.setdefault(instance_id, Change(record, revision))

    keys: set[str] = set()
    for instance in wanted:
        entries = layout.entries(instance)
        keys |= entries.keys()
        record = known.get(layout.record(instance.id))
        other = owner(instance.id, record.value) if record and not record.mine else ""
        if other not in ("", host):
            refused[instance.id] = other
            continue
        puts = {k: v for k, v in entries.items() if not _holds(known.get(k), v)}
        if puts:
            change(instance.id).puts = puts
    for key, entry in known.items():
        if entry.mine and key not in keys:
            parsed = layout.parse(key)
            if parsed and parsed.kind != "hosts":
                change(parsed.id).deletes.append(key)
    return [found[one] for one in sorted(found)], refused


def _holds(entry: Entry | None, value: str) -> bool:
    return entry is not None and entry.mine and entry.value == value


def owner(instance_id: str, record: str) -> str:
    """Return the host that a record names, ``""`` when it can't be read: it is nobody's then."""
    try:
        return codec.decode_instance(instance_id, record).host
    except ValueError:
        return ""


def belongings(keys: Mapping[str, str], layout: Layout, host: str) -> list[str]:
    """Return those of *keys* that are instances in the name of *host*: records and their leaves."""
    parsed = {key: found for key in keys if (found := layout.parse(key)) and found.kind != "hosts"}
    own = {
        one.id
        for key, one in parsed.items()
        if one.kind == "instances" and owner(one.id, keys[key]) == host
    }
    return [key for key, one in parsed.items() if one.id in own]


def batches(todo: Iterable[Change], limit: int = LIMIT) -> Iterator[list[Change]]:
    """Yield *todo* in portions that etcd takes in one transaction."""
    batch: list[Change] = []
    size = 0
    for change in todo:
        cost = max(len(change.puts) + len(change.deletes), 1 + len(change.deletes))
        if batch and size + cost > limit:
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += cost
    if batch:
        yield batch
