"""What an agent leaves for ``arpanet status``: one small JSON file per part in its container.

Files rather than a port: nothing listens. They are in memory (a node container's ``/run`` is a
tmpfs), so that a full disk below Docker hides nothing; and whatever keeps one from being written
keeps nobody from working.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the engine imports the Docker SDK, which takes 0.2 s
    from arpanet.docker.engine import Engine

__all__ = ["AGENT", "RUN", "read", "write", "write_text"]

log = logging.getLogger(__name__)

#: Where the files are, inside a node container.
RUN = Path("/run/arpanet")
#: The part under which an agent leaves its own.
AGENT = "agent"

_failing: set[str] = set()
#: file -> the hash of what it holds: most of what is told each second is what was told before
_written: dict[Path, int] = {}


def write(part: str, state: Mapping[str, Any]) -> None:
    """Replace the state of *part*; a reader sees the old one or the new one, never half of one.

    What can't be written (no space, no descriptor, a read-only disk) is logged and forgotten.

    :raises TypeError: *state* holds what JSON has no form for.
    """
    write_text(part, json.dumps(state))


def write_text(part: str, text: str) -> None:
    """Do what :func:`write` does, with what is JSON already."""
    try:
        RUN.mkdir(parents=True, exist_ok=True)
        _replace(RUN / f"{part}.json", text)
    except OSError as problem:
        if part not in _failing:
            log.warning("'arpanet status' learns nothing new of %s: %s", part, problem)
        _failing.add(part)
    else:
        _failing.discard(part)


def _replace(path: Path, text: str) -> None:
    if _written.get(path) == hash(text) and path.exists():
        return
    _written.pop(path, None)
    fresh = path.with_suffix(".new")  # each part is one thread's: it needs no name of its own
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    _written[path] = hash(text)


def read(engine: "Engine", container: str, part: str) -> dict[str, Any] | None:
    """Return the state that *part* left in *container*; ``None`` when it left none yet.

    :raises EngineUnreachable: Docker does not answer.
    """
    content = engine.read_file(container, str(RUN / f"{part}.json"))
    try:
        state = json.loads(content) if content else None
    except ValueError:
        return None
    return state if isinstance(state, dict) else None
