"""What a lab remembers between commands: a JSON file in its directory, changed under a lock.

Only what cannot be seen is remembered: what runs is asked of the kernel each time.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.holding import wait_until

__all__ = ["ROOT", "State", "load", "locked", "save"]

#: Must be on a file system that can carry overlays, which /tmp and /run often are not.
ROOT = Path("/var/lib/arpanet-lab")
_LOCK_SECONDS = 300.0


@dataclass(frozen=True)
class State:
    """A lab on disk.

    :ivar subnet: its addresses, such as ``10.77.0.0/24``.
    :ivar size: the number of its hosts.
    :ivar cut: the hosts that are partitioned from the others.
    :ivar cgroup: the kind of cgroups that its hosts show; ``""``: the machine's.
    :ivar disk: megabytes of the disk that each host's Docker has of its own; 0: the machine's.
    """

    subnet: str
    size: int
    cut: tuple[str, ...] = ()
    cgroup: str = ""
    disk: int = 0

    def with_cut(self, host: str, cut: bool) -> "State":
        """Return this with *host* cut, or not."""
        others = tuple(name for name in self.cut if name != host)
        return replace(self, cut=(*others, host) if cut else others)


def load(directory: Path) -> State | None:
    """Return the state in *directory*; ``None`` when there is none that can be read."""
    try:
        found = json.loads((directory / "lab.json").read_text())
        IPv4Network(found["subnet"])
        cgroup, disk = found.get("cgroup", ""), int(found.get("disk", 0))
        return State(found["subnet"], int(found["size"]), tuple(found["cut"]), cgroup, disk)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def save(directory: Path, state: State) -> None:
    """Write *state* to *directory*, wholly or not at all."""
    fresh = directory / "lab.json.new"
    fresh.write_text(json.dumps(asdict(state)))
    fresh.rename(directory / "lab.json")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other commands from changing what is in *directory*, which is made if need be.

    The directory itself is the lock: taking it away leaves no lock file behind.

    :raises ArpanetError: another command holds it for too long.
    """
    handle = -1

    def take() -> bool:
        nonlocal handle
        directory.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # whoever held it may have taken it away
                if os.path.samestat(os.fstat(handle), directory.stat()):
                    return True
            os.close(handle)
        return False

    if not wait_until(take, _LOCK_SECONDS, pause=0.05):
        raise ArpanetError(f"another command keeps {directory} locked", "wait for it, or end it")
    try:
        yield
    finally:
        os.close(handle)
