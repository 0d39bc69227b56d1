"""What of this host was drained by hand: the command leaves it, the registrator's agent finds it.

One small file in the directory of Docker's socket, which agents have mounted anyway. It outlives
agents, their containers, upgrades and Docker. It ends with the machine, as the runs of containers
do that it speaks of.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arpanet.docker.specs import NODE_DIRECTORY, PART_LABEL, SOCKET
from arpanet.errors import ArpanetError
from arpanet.records import Container

__all__ = ["SEEN", "Drained", "change", "place", "read"]

#: Below the directory of Docker's socket.
FILE = "arpanet/drained.json"
#: Where an agent finds it.
SEEN = Path(NODE_DIRECTORY, FILE)


@dataclass(frozen=True)
class Drained:
    """What takes no new connections.

    :ivar host: everything that runs here, and what will; not arpanet's own containers: a master
        serves on.
    :ivar containers: id -> the start of the run that is meant: who is started anew is not drained.
    """

    host: bool = False
    containers: Mapping[str, str] = field(default_factory=dict)

    def holds(self, container: Container) -> bool:
        """Return whether *container*, as it runs now, is drained."""
        all_of_it = self.host and PART_LABEL not in container.labels
        return all_of_it or self.containers.get(container.id) == container.started


def place() -> Path:
    """Return where the file is, for who is on the host itself."""
    return Path(os.path.realpath(SOCKET)).parent / FILE


def read(path: Path) -> Drained:
    """Return what is drained; nothing where there is no such file.

    :raises OSError: it can't be read.
    :raises ValueError: it makes no sense.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Drained()
    if not (isinstance(found, dict) and isinstance(found.get("containers"), dict)):
        raise ValueError(f"{path} does not say what is drained")
    containers = {str(key): str(started) for key, started in found["containers"].items()}
    return Drained(bool(found.get("host")), containers)


def change(path: Path, mend: Callable[[Drained], Drained]) -> bool:
    """Let what is drained be what *mend* makes of it; return whether that is something else.

    One caller at a time; a reader sees the file of before or the one of after.

    :raises ArpanetError: it can't be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = read(path)
            after = mend(before)
            if after == before:
                return False
            fresh = path.with_suffix(".new")
            text = json.dumps({"host": after.host, "containers": dict(after.containers)})
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
            return True
    except PermissionError as problem:
        raise ArpanetError(f"{path} can't be written", "run this as root") from problem
    except (OSError, ValueError) as problem:
        raise ArpanetError(f"what is drained can't be written down: {problem}") from problem
