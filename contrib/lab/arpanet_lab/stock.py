"""Images that many labs begin with: kept once, and shared by them as hard links.

Loading an image takes a dockerd seconds of work, for each host anew. What it makes of it with its
overlay2 driver are directories that it never writes to again, so that hosts can have them in
common; all else that it keeps is each engine's own and is left out.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from arpanet import ArpanetError

__all__ = ["give", "take"]

#: Below Docker's data: what describes the images, and the layers themselves.
_CATALOGUE, _LAYERS = "image/overlay2", "overlay2"
_COPY_SECONDS = 120.0


def take(docker: Path, stock: Path) -> None:
    """Keep the images of a host: *docker* is its Docker's data, and no dockerd runs on it.

    :raises ArpanetError: it does not keep them in the way that is known here.
    """
    if not (docker / _CATALOGUE / "repositories.json").exists():
        raise ArpanetError(f"no images of the overlay2 driver in {docker}", "load some first")
    _copy(docker, stock)


def give(stock: Path, docker: Path) -> None:
    """Let a host that is new, with *docker* for its Docker's data, have what is in *stock*.

    Where they are not on one file system it gets copies.
    """
    if (docker / _CATALOGUE).exists():
        return
    docker.mkdir(parents=True, exist_ok=True)
    if docker.stat().st_dev == stock.stat().st_dev:
        _copy(stock, docker)
    else:
        command = ["cp", "--archive", f"{stock}/.", str(docker)]
        subprocess.run(command, check=True, timeout=_COPY_SECONDS)


def _copy(source: Path, target: Path) -> None:
    ways: dict[str, Callable[..., object]] = {_CATALOGUE: shutil.copy2, _LAYERS: os.link}
    for name, way in ways.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source / name, target / name, symlinks=True, copy_function=way)
