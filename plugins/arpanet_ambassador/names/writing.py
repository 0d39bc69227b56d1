"""Writing the names that links are dialled at into clients' hosts files.

Into Docker's own file, from outside: the container need not run, nor have a root that can be
written to. Docker makes the file anew with each start.
"""

import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from arpanet import Container
from arpanet_ambassador.links.declare import DEPTH, Declaring, declared
from arpanet_ambassador.names.own import allocate, entries, lines, named
from arpanet_ambassador.starting.files import read, recorded

__all__ = ["write"]

log = logging.getLogger(__name__)

#: Who else gives names, and what helps then.
_GIVEN = "by --add-host, --link, or as its own name"
_LOCALHOST = ("127.0.0.1", "::1")
_ANOTHER = "label it with another name, as connect.<name>:<port>=<service>"


def write(
    container: Container, files: Path, masters: frozenset[str] = frozenset(), root: str = ""
) -> Mapping[str, str]:
    """Have the hosts file of *container* name what it dials; return name -> why not that one.

    A guest of another's network namespace has the other's file, too.

    :param files: Docker's directory of this container.
    :param masters: *root*: see :class:`~arpanet_ambassador.links.declare.Declaring`.
    """
    world = Declaring(
        containers={container.id: container}, ambassador="", masters=masters, root=root
    )
    given, services = named(declared(world))
    if not given | services:
        return {}
    try:
        home, at = _home(container, files)
        both = {one.id: one for one in (container, home)}
        every = allocate(set().union(*named(declared(replace(world, containers=both)))))
        if any("/etc/hosts" in _mounted(one) for one in {files, at}):
            words = "its hosts file is a mount of its own"
            left = {name: f"{words}; add '{every[name]} {name}' to it" for name in every}
        else:
            left = _known_to_docker(home, at, every)
            there = _append(at / "hosts", {k: v for k, v in every.items() if k not in left})
            for name, address in there.items():
                if name in given or address not in _LOCALHOST:  # at which its link is, too
                    left[name] = f"its hosts file has it at {address} ({_GIVEN}); {_ANOTHER}"
    except (OSError, ValueError, KeyError) as problem:
        log.warning("container %s: its hosts file lacks names: %s", container.name, problem)
        return dict.fromkeys(given | services, f"its hosts file lacks it: {problem}")
    return {name: why for name, why in left.items() if name in given | services}


def _home(container: Container, files: Path) -> tuple[Container, Path]:
    """Return whose network namespace *container* is in, and Docker's directory of that one.

    :raises OSError: there is none (any more).
    """
    for _ in range(DEPTH):
        kind, _, other = container.network_mode.partition(":")
        if kind != "container":
            break
        files = files.parent / other
        container = recorded(files)
    return container, files


def _mounted(files: Path) -> Mapping[str, object]:
    """Return what a container has mounted, but for what Docker itself does: by where that is."""
    found: Mapping[str, object] = read(files / "config.v2.json").get("MountPoints") or {}
    return found


def _append(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Add what lacks; return name -> address of those that were there already, elsewhere.

    :raises OSError: it is not Docker's plain file, or there is none.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b") as file:
        text = file.read().decode(errors="replace")
        file.write(lines(text, wanted).encode())
    there = entries(text)
    return {k: there[k] for k, v in wanted.items() if there.get(k, v) != v}


def _known_to_docker(container: Container, files: Path, wanted: Collection[str]) -> dict[str, str]:
    """Return which of *wanted* Docker's DNS has for others on the networks of *container*, and why.

    A hosts file goes before DNS, so what is written there would hide a container of that name.
    """
    found: dict[str, str] = {}
    networks = container.networks.keys() - {"bridge"}
    for other in sorted(files.parent.iterdir()) if networks else ():
        if other == files:
            continue
        path = other / "config.v2.json"
        try:
            stamp = path.stat()
            own, there = _names(path, stamp.st_ino, stamp.st_mtime_ns)
        except (OSError, ValueError):
            continue
        for network in sorted(networks & there.keys()):
            for name in (own, *there[network]):
                if name.lower() in wanted:
                    words = f"Docker's DNS has it, for container {own} on network {network}"
                    found.setdefault(name.lower(), f"{words}; {_ANOTHER}")
    return found


@lru_cache(1 << 12)  # a start has some milliseconds, and a host may have a thousand containers
def _names(path: Path, *_stamp: int) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """Return a container's name, and by network what else Docker's DNS calls it there.

    :param path: Docker's file of it; *_stamp* differs whenever that is written.
    :raises OSError: it can't be read, ValueError: it is not wholly there.
    """
    config = read(path)
    networks = (config.get("NetworkSettings") or {}).get("Networks") or {}
    names = {key: tuple((one or {}).get("Aliases") or ()) for key, one in networks.items()}
    return str(config.get("Name") or "").lstrip("/"), names
