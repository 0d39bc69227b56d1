"""Labs for tests: each pytest process has its own, and sweeps up what killed ones have left."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from arpanet_lab import state
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

__all__ = ["clean", "lab_of", "needs_lab"]

needs_lab = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("dockerd"), reason="needs root and dockerd"
)


@contextmanager
def lab_of(letter: str, size: int) -> Iterator[Lab]:
    """Have a lab, named by *letter* and this process."""
    if os.geteuid() or not shutil.which("dockerd"):
        pytest.skip("needs root and dockerd")
    _sweep()
    lab = Lab(f"t{letter}-{os.getpid()}")
    lab.up(size)
    try:
        yield lab
    finally:
        lab.down()


def clean(host: Host) -> None:
    """Remove all containers, and all networks and volumes that Docker did not make, of *host*."""
    host.run(
        [
            "sh",
            "-c",
            'ids=$(docker ps -aq); [ -z "$ids" ] || docker rm -fv $ids;'
            "docker network prune -f; docker volume prune -af || docker volume prune -f",
        ]
    )


def _sweep() -> None:
    for path in state.ROOT.glob("*"):
        owner = re.fullmatch(r"t[a-z]-(\d+)", path.name)
        if owner and not Path("/proc", owner[1]).exists():
            Lab(path.name).down()
