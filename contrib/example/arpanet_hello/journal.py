"""The journal: one JSON object per line. Knows nothing of arpanet but its records."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arpanet import Snapshot

__all__ = ["changes", "lines", "write"]


def changes(before: Snapshot, after: Snapshot) -> dict[str, list[str]]:
    """Return which services came and which went, by name. Pure, so it needs no host to test it."""
    had, has = before.services().keys(), after.services().keys()
    return {"came": sorted(has - had), "went": sorted(had - has)}


def write(path: Path, event: str, **details: Any) -> None:
    """Append a line; the file and its directory are made when they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        print(json.dumps({"at": round(time.time(), 3), "event": event, **details}), file=file)


def lines(text: str) -> Iterator[dict[str, Any]]:
    """Return what was written; a last line that is only half there is left out."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
