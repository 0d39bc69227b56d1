"""What checks have found, in a file that outlives the agent: who was ill stays so until proven.

It counts for the very runs of containers that it was found of, and so never past a start of the
machine: times in it are of the clock that all processes of a host share.
"""

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from arpanet import codec, replacing
from arpanet_registrator.checks import Check, Judge

__all__ = ["Kept", "Key", "read", "written"]

log = logging.getLogger(__name__)

#: A container's id, and a port in it.
Key = tuple[str, int]


class Kept:
    """Writes the file at *path* from a thread of its own: a disk that hangs holds up nobody."""

    def __init__(self, path: Path) -> None:
        self._path, self._text, self._trouble = path, "", ""
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checks-kept", daemon=True)

    def keep(self, text: str) -> None:
        """Have *text* written soon; what is not yet written by then is forgotten."""
        if text == self._text:
            return
        self._text = text
        self._due.set()
        if not self._thread.is_alive():
            self._thread.start()

    def _run(self) -> None:
        while self._due.wait():
            self._due.clear()
            trouble = ""
            try:
                with replacing(self._path) as file:
                    file.write(self._text.encode())
            except OSError as problem:
                trouble = f"what checks found can't be kept in {self._path}: {problem.strerror}"
            if trouble and trouble != self._trouble:
                log.warning("%s", trouble)
            self._trouble = trouble


def written(judges: Mapping[Key, tuple[Check, Judge]]) -> str:
    """Return what is known by now as JSON; what has just begun says nothing."""
    return json.dumps(
        [
            [*key, check.run, judge.health, judge.falls]
            for key, (check, judge) in judges.items()
            if judge.health != "starting"
        ]
    )


def read(path: Path, runs: Mapping[str, str]) -> dict[Key, Judge]:
    """Return what was found of the containers that still run; what makes no sense is nothing.

    :param runs: container id -> when it was started.
    """
    try:
        return {
            (str(container), int(port)): Judge(0.0, _word(health), [float(at) for at in falls])
            for container, port, run, health, falls in codec.parse(path.read_text())
            if runs.get(container) == run
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as problem:
        log.warning("what checks found before can't be read: %s", problem)
        return {}


def _word(health: str) -> str:
    if health not in ("healthy", "unhealthy"):
        raise ValueError(f"{health!r} is no health")
    return health
