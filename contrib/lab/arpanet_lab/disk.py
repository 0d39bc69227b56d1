"""What a host keeps when its power is cut: made, started from, removed."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.holding import wait_until

__all__ = ["IMAGE", "erase", "make_image", "prepare"]

#: The file that is the disk of a host's Docker, where it has one of its own.
IMAGE = "docker.img"
_ERASE_SECONDS = 20.0
_MAKE_SECONDS = 30.0
#: Made for every host; ``etc`` holds how its /etc differs from the machine's, as an overlay.
_DIRECTORIES = (
    *("etc", "etc/docker", "etc/init.d", "etc.work", "docker", "containerd"),
    *("run", "run/lock", "home"),
)


def prepare(directory: Path, files: dict[str, str]) -> None:
    """Make a host's disk, or what a reboot leaves of it: ``/run`` is empty.

    :param files: their names under ``/etc`` and their texts.
    :raises ArpanetError: *directory* is where no overlay can be.
    """
    erase(directory / "run")
    for name in _DIRECTORIES:
        (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / name).chmod(0o755)  # whatever the caller's umask
    (directory / "home").chmod(0o700)
    etc = directory / "etc"
    try:  # the machine's own Docker settings must not show through
        os.setxattr(etc / "docker", "trusted.overlay.opaque", b"y")
    except OSError as problem:
        raise ArpanetError(
            f"{directory} is on a file system without overlays: {problem.strerror}",
            "mount another, such as ext4, there",
        ) from problem
    for name, text in files.items():
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text)
        (etc / name).chmod(0o755 if text.startswith("#!") else 0o644)


def make_image(directory: Path, megabytes: int) -> None:
    """Make the disk of a host's Docker, unless there is one: a file that takes what is written.

    :raises ArpanetError: it cannot be made.
    """
    image = directory / IMAGE
    if image.exists():
        return
    fresh = image.with_suffix(".new")
    with fresh.open("wb") as file:
        file.truncate(megabytes << 20)
    # nothing is kept back for root, which a Docker engine is: full means full
    made = subprocess.run(
        ["mkfs.ext4", "-q", "-m", "0", str(fresh)],
        capture_output=True,
        text=True,
        timeout=_MAKE_SECONDS,
    )
    if made.returncode:
        raise ArpanetError(f"{image} cannot be made: {' '.join(made.stderr.split())}")
    fresh.rename(image)


def erase(path: Path) -> None:
    """Remove a file or a tree; the mounts of a dead namespace may need a moment to let go of it.

    :raises ArpanetError: it cannot be removed.
    """
    if not wait_until(partial(_erased, path), _ERASE_SECONDS, pause=0.1):
        raise ArpanetError(f"{path} cannot be removed", "see what is mounted there")


def _erased(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()
