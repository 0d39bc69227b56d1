"""The cgroups of a lab's containers, in every hierarchy of cgroup v1 or in that of v2."""

import os
from contextlib import suppress
from pathlib import Path

from arpanet_lab.holding import wait_until

__all__ = ["ROOT", "remove"]

#: Under this one each host's dockerd makes those of its containers.
ROOT = "arpanet-lab"
_SECONDS = 5.0


def remove(lab: str, host: str = "") -> bool:
    """Remove the cgroups of *lab*, or of its *host*; return whether all are gone.

    Its processes must be dead; the kernel may need a moment to forget them.
    """
    return wait_until(lambda: not _remove_once(Path(ROOT, lab, host)), _SECONDS)


def _remove_once(relative: Path) -> list[Path]:
    tops = [hierarchy / relative for hierarchy in _hierarchies()]
    for top in tops:
        for path, _, _ in os.walk(top, topdown=False):  # what goes by itself meanwhile is no error
            with suppress(OSError):
                Path(path).rmdir()
        with suppress(OSError):  # the last lab takes the common directory along
            top.parent.rmdir()
            top.parent.parent.rmdir()
    return [top for top in tops if top.exists()]


def _hierarchies() -> list[Path]:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]
