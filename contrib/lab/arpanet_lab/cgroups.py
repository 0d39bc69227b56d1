"""The cgroups of a lab's containers, in every hierarchy of cgroup v1 or in that of v2."""

import os
from contextlib import suppress
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.holding import wait_until

__all__ = ["KINDS", "ROOT", "check", "processes", "remove"]

#: What a host can show -> the file systems that the machine must have for it. A hybrid host has v1
#: for its controllers and v2 in ``unified``, as systemd makes it.
KINDS = {"": (), "v1": ("cgroup",), "v2": ("cgroup2",), "hybrid": ("cgroup", "cgroup2")}

#: Under this one each host's dockerd makes those of its containers.
ROOT = "arpanet-lab"
_SECONDS = 5.0


def check(kind: str) -> None:
    """Make sure that hosts can show cgroups of *kind*.

    :raises ArpanetError: this machine has none of them.
    """
    for needed in KINDS[kind]:
        if needed not in (found for _, found in _mounts()):
            raise ArpanetError(
                f"this machine has no {needed} file system for hosts of cgroup {kind}",
                "leave the kind to the machine, or mount one below /sys/fs/cgroup",
            )


def processes(lab: str, host: str, container: str) -> list[int]:
    """Return the processes of a container, by its whole id; none where it does not run."""
    for hierarchy in _hierarchies():
        with suppress(OSError):
            found = hierarchy.joinpath(ROOT, lab, host, container, "cgroup.procs").read_text()
            return [int(pid) for pid in found.split()]
    return []


def remove(lab: str, host: str = "") -> bool:
    """Remove the cgroups of *lab*, or of its *host*; return whether all are gone.

    Its processes must be dead; the kernel may need a moment to forget them.
    """
    return wait_until(lambda: not _remove_once(Path(ROOT, lab, host)), _SECONDS)


def _remove_once(relative: Path) -> list[Path]:
    tops = []
    for hierarchy in _hierarchies():
        top = hierarchy / relative
        tops.append(top)
        for path, _, _ in os.walk(top, topdown=False):  # what goes by itself meanwhile is no error
            with suppress(OSError):
                Path(path).rmdir()
        with suppress(OSError):  # the last host takes the lab's along, the last lab the common one
            hierarchy.joinpath(*relative.parts[:2]).rmdir()
        with suppress(OSError):
            (hierarchy / ROOT).rmdir()
    return [top for top in tops if top.exists()]


def _hierarchies() -> list[Path]:
    return [place for place, _ in _mounts()]


def _mounts() -> list[tuple[Path, str]]:
    """Return where which file system of cgroups is mounted."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [(Path(m[1]), m[2]) for m in mounts if m[2] in ("cgroup", "cgroup2")]
