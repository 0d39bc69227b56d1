"""What was told, as a note for the next one who tells, and what is to be told now. Pure."""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from arpanet import Snapshot

__all__ = ["Told", "changes", "decode", "delivery", "encode", "seen"]

#: instance id -> what is told of it
Told = Mapping[str, Mapping[str, Any]]


def seen(snapshot: Snapshot) -> Told:
    """Return what is told of each instance in *snapshot*."""
    return {
        one.id: {
            "services": list(one.services),
            "host": one.host,
            "address": one.address,
            "protocol": one.protocol,
            "health": one.health,
            "tags": list(one.tags),
        }
        for one in snapshot.instances.values()
    }


def changes(before: Told, after: Told) -> list[dict[str, Any]]:
    """Return one entry for each instance that came, went or changed, by id."""
    return [
        {
            "change": _word(before, after, key),
            "instance": key,
            **(after[key] if key in after else before[key]),
        }
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _word(before: Told, after: Told, key: str) -> str:
    if key not in before:
        return "up"
    return "changed" if key in after else "down"


def delivery(found: list[dict[str, Any]]) -> str:
    """Return an id for these changes: told twice, they have the same."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def encode(told: Told) -> str:
    """Return *told* as a note of a registry: packed, for a note may not be large."""
    return base64.b85encode(zlib.compress(json.dumps(told, sort_keys=True).encode())).decode()


def decode(note: str) -> Told:
    """Return what :func:`encode` made *note* of; nothing was told when there is none.

    A note that makes no sense is none: to tell everything again is better than to fall silent.
    """
    try:
        told = json.loads(zlib.decompress(base64.b85decode(note))) if note else {}
    except (ValueError, zlib.error):
        return {}
    return told if isinstance(told, dict) else {}
