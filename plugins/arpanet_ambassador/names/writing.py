"""Writing the names that links are dialled at into clients' hosts files.

Into Docker's own file, from outside: the container need not run, nor have a root that can be
written to. Docker makes the file anew with each start.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from arpanet import Container
from arpanet_ambassador.links.declare import DEPTH, Declaring, declared
from arpanet_ambassador.names.own import allocate, lines, named
from arpanet_ambassador.starting.files import read, recorded

__all__ = ["write"]

log = logging.getLogger(__name__)

#: Seconds that Docker may take from making the container's directory to writing its hosts file.
_PATIENCE, _LOOK = 2.0, 0.002


def write(
    container: Container, files: Path, masters: frozenset[str] = frozenset(), root: str = ""
) -> None:
    """Have the hosts file of *container* name what it dials.

    A guest of another's network namespace has the other's file, too.

    :param files: Docker's directory of this container.
    :param masters: *root*: see :class:`~arpanet_ambassador.links.declare.Declaring`.
    """
    world = Declaring(
        containers={container.id: container}, ambassador="", masters=masters, root=root
    )
    if not any(named(declared(world))):
        return
    try:
        home, files = _home(container, files)
        both = {one.id: one for one in (container, home)}
        given, services = named(declared(replace(world, containers=both)))
        addresses = allocate(given | services)
        for name in _known_to_docker(home, files):
            addresses.pop(name, None)
        _append(files / "hosts", addresses)
    except (OSError, ValueError, KeyError) as problem:
        log.warning("container %s: its hosts file lacks names: %s", container.name, problem)


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


def _append(path: Path, wanted: Mapping[str, str]) -> None:
    """:raises OSError: it is not Docker's plain file, or there is none."""
    deadline = time.monotonic() + _PATIENCE
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b") as file:
        text = file.read().decode(errors="replace")
        file.write(lines(text, wanted).encode())


def _known_to_docker(container: Container, files: Path) -> Iterator[str]:
    """Yield the names that Docker's DNS has for others on the networks of *container*.

    A hosts file goes before DNS, so what is written there would hide a container of that name.
    """
    networks = container.networks.keys() - {"bridge"}
    for other in files.parent.iterdir() if networks else ():
        if other == files:
            continue
        try:
            config = read(other / "config.v2.json")
        except (OSError, ValueError):
            continue
        there = (config.get("NetworkSettings") or {}).get("Networks") or {}
        for network in networks & there.keys():
            yield str(config.get("Name") or "").lstrip("/").lower()
            yield from (one.lower() for one in (there[network] or {}).get("Aliases") or ())
