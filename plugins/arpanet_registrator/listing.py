"""What ``arpanet services`` shows of an instance, for a script and for a person. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from arpanet import Instance, Snapshot
from arpanet_registrator.instances import LeftOut

__all__ = [
    "FIELDS",
    "Row",
    "changed",
    "chosen",
    "hints",
    "line",
    "record",
    "rows",
    "with_lost",
    "words",
]

FIELDS = (
    "service",
    "address",
    "protocol",
    "instance",
    "host",
    "health",
    "age",
    "tags",
    "aliases",
    "unconfirmed",
    "refused",
)
Record = Mapping[str, Any]
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


class Row(NamedTuple):
    """What is listed; *refused* says why nobody uses it, ``""``: it may be used."""

    instance: Instance
    refused: str = ""


def rows(snapshot: Snapshot, name: str | None) -> dict[str, Row]:
    """Return what there is of *name*, of everything for ``None``, refused or not, in order."""
    found = {key: Row(one) for key, one in chosen(snapshot, name).items()}
    for one in snapshot.refused:
        if one.instance.services and (name is None or name in one.instance.services):
            found[f"{one.instance.host} {one.instance.id}"] = Row(one.instance, one.why)
    return dict(sorted(found.items(), key=lambda row: (row[1].instance.services[0], row[0])))


def chosen(snapshot: Snapshot, name: str | None) -> dict[str, Instance]:
    """Return the instances that answer to *name*, all for ``None``, by id, in order."""
    named = [one for one in snapshot.instances.values() if one.services]
    found = [one for one in named if name is None or name in one.services]
    return {one.id: one for one in sorted(found, key=lambda one: (one.services[0], one.id))}


def with_lost(snapshot: Snapshot, lost: Iterable[Instance]) -> Snapshot:
    """Return *snapshot* with *lost*, but for those whose id or address it has a holder of."""
    taken = {(one.address, one.protocol) for one in snapshot.instances.values() if one.address}
    found = {one.id: one for one in lost if (one.address, one.protocol) not in taken}
    return replace(snapshot, instances={**found, **snapshot.instances}, index=None)


def record(one: Instance, now: float, refused: str = "") -> Record:
    """Return *one* by :data:`FIELDS`; ``age`` in seconds, ``None`` where nobody said.

    :param now: seconds since the epoch; hosts whose clocks differ are off by as much.
    """
    return {
        "service": one.services[0],
        "address": one.address,
        "protocol": one.protocol,
        "instance": one.id,
        "host": one.host,
        "health": one.health,
        "age": max(0, round(now - one.started)) if one.started else None,
        "tags": list(one.tags),
        "aliases": list(one.services[1:]),
        "unconfirmed": one.unconfirmed,
        "refused": refused,
    }


def words(given: Record) -> Record:
    """Return a record as a person reads it."""
    return {
        **given,
        "address": given["address"] or f"on {given['host']} only",
        "age": _span(given["age"]),
        "tags": ",".join(given["tags"]),
        "aliases": ",".join(given["aliases"]),
        "unconfirmed": "yes" if given["unconfirmed"] else "",
    }


def line(sign: str, given: Record) -> str:
    """Return one line of ``--watch``: *sign* is ``+``, ``-`` or ``~``."""
    shown = words(given)
    parts = [shown[name] for name in ("service", "instance", "address", "protocol", "health")]
    tags = f"[{shown['tags']}]" if shown["tags"] else ""
    notes = [given["unconfirmed"] and "unconfirmed", given["refused"] and "refused:"]
    return " ".join(filter(None, [sign, *parts, tags, *notes, given["refused"]]))


def changed(before: Mapping[str, Row], after: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
    """Yield (``-``, ``+`` or ``~``, row) for each difference that shows."""
    for key in sorted(before.keys() - after.keys()):
        yield "-", before[key]
    for key, one in after.items():
        if key not in before:
            yield "+", one
        # the age of one that was started anew differs, too
        elif _same_age(one, one) != _same_age(before[key], one):
            yield "~", one


def _same_age(row: Row, as_of: Row) -> Record:
    return record(row.instance, as_of.instance.started + 1, row.refused)


def hints(name: str, snapshot: Snapshot, left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Yield why *name* may have no instance: what is nearly it, and what this host left out."""
    every = {one for found in snapshot.instances.values() for one in found.services}
    near = {one for one in every if re.fullmatch(rf"{re.escape(name)}-[0-9]{{1,5}}", one)}
    if near:
        yield (
            f"there is {' and '.join(sorted(near))}: of several published ports none has the"
            f" image's name alone; SERVICE_NAME={name} gives it to the lowest"
        )
    nearby = [one for one in left_out if name == one.container or name in one.services]
    for one in nearby:
        yield f"container {one.container}: {one.why}"
    if not near and not nearby:
        yield "a container that should be one says so on its own host: run this command there"


def _span(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return next(
        (f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= size), f"{seconds}s"
    )
