"""Labs for tests: each process has its own, and sweeps up what killed ones have left.

A lab is bound to its process: it loses its power when that ends, however it ends. All labs of a
session begin with the same images, which its first process makes.
"""

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

import docker
import docker.errors
import pytest
from arpanet_lab import state
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from tests.conftest import SESSION

__all__ = ["clean", "docker_of", "end_session", "lab_of", "needs_lab"]

#: Packing for a node takes seconds; on a machine that is busy, many.
PACKING_SECONDS = 300

needs_lab = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("dockerd"), reason="needs root and dockerd"
)


@contextmanager
def lab_of(letter: str, size: int, cgroup: str = "", disk: int = 0) -> Iterator[Lab]:
    """Have a lab, named by *letter* and this process.

    Its hosts have the images redis, busybox, and those that ``arpanet install`` makes.
    """
    if os.geteuid() or not shutil.which("dockerd"):
        pytest.skip("needs root and dockerd")
    _sweep()
    lab = Lab(f"t{letter}-{os.getpid()}", bound=True, stock=_stock())
    lab.up(size, cgroup, disk)
    try:
        yield lab
    finally:
        lab.down()


def clean(*hosts: Host, but: str = "") -> None:
    """Remove all containers, volumes, and networks that Docker did not make, of *hosts*.

    They are nobody's then, too: none has a certificate any more.

    :param but: a label; containers that have it stay, and then all volumes.
    """
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        list(pool.map(lambda host: _clean(host, but), hosts))


def _clean(host: Host, but: str) -> None:
    if not but:
        shutil.rmtree(host.home / ".arpanet", ignore_errors=True)
    with docker_of(host) as api:
        for one in api.containers(all=True):
            if not but or but not in one["Labels"]:
                with suppress(docker.errors.NotFound):
                    api.remove_container(one["Id"], v=True, force=True)
        api.prune_networks()
        for one in [] if but else api.volumes()["Volumes"] or ():
            api.remove_volume(one["Name"], force=True)


@contextmanager
def docker_of(host: Host) -> Iterator[docker.APIClient]:
    """Talk to the Docker of *host* without starting a program for each question."""
    url = f"unix://{host.docker_socket}"
    with closing(docker.APIClient(url, version=_api_version(url), timeout=60)) as api:
        yield api


@cache
def _api_version(url: str) -> str:
    """Asked once: Docker starts programs to tell it."""
    with closing(docker.APIClient(url, version="auto", timeout=60)) as api:
        return str(api.api_version)


# -- what a session has in common ----------------------------------------------------------------


def _stock() -> Path:
    place = state.ROOT / f"stock-{os.environ[SESSION]}"
    with state.locked(place):
        if not (place / "images").exists():
            _fill(place)
    return place / "images"


def _fill(place: Path) -> None:
    shutil.rmtree(place / "new", ignore_errors=True)  # of a process that was killed
    lab = Lab(f"tk-{os.getpid()}", bound=True)
    lab.up(1)
    try:
        host = lab.host("host1")
        lab.load_image("redis")
        lab.load_image("busybox")
        for role in ("slave", "master"):
            host.run(["arpanet", "install", role], timeout=PACKING_SECONDS, cwd=host.home)
        lab.keep_images("host1", place / "new")
    finally:
        lab.down()
    (place / "new").rename(place / "images")


def end_session() -> None:
    """Remove what the processes of this session had in common."""
    shutil.rmtree(state.ROOT / f"stock-{os.environ[SESSION]}", ignore_errors=True)
    with suppress(OSError):  # there are other labs, or there is none
        state.ROOT.rmdir()


def _sweep() -> None:
    for path in state.ROOT.glob("*"):
        owner = re.fullmatch(r"(t[a-z]|stock)-(\d+)", path.name)
        if not owner or Path("/proc", owner[2]).exists():
            continue
        if owner[1] == "stock":
            shutil.rmtree(path, ignore_errors=True)
        else:
            Lab(path.name).down()
