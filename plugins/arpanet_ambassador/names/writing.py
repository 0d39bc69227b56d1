"""Writing the names that links are dialled at into clients' hosts files.

Into Docker's own file, from outside: the container need not run, nor have a root that can be
written to. Docker makes the file anew with each start.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arpanet import Container
from arpanet_ambassador.links.declare import Declaring, declared
from arpanet_ambassador.names.own import allocate, lines, named

__all__ = ["write"]

log = logging.getLogger(__name__)

#: Seconds that Docker may take from making the container's directory to writing its hosts file.
_PATIENCE, _LOOK = 2.0, 0.002


def write(container: Container, files: Path) -> None:
    """Have the hosts file of *container* name what it dials.

    :param files: Docker's directory of this container.
    """
    mode = container.network_mode
    links = declared(Declaring(containers={container.id: container}, ambassador=""))
    given, services = named(links)
    if not given | services or mode.startswith("container:"):
        return  # in another's namespace, the file is the other's, too
    addresses = allocate(given | services)
    for name in _known_to_docker(container, files):
        addresses.pop(name, None)
    try:
        _append(files / "hosts", addresses)
    except OSError as problem:
        log.warning("container %s: its hosts file lacks %s: %s", container.name, addresses, problem)


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
            config: Mapping[str, Any] = json.loads((other / "config.v2.json").read_bytes())
        except (OSError, ValueError):
            continue
        there = (config.get("NetworkSettings") or {}).get("Networks") or {}
        for network in networks & there.keys():
            yield str(config.get("Name") or "").lstrip("/").lower()
            yield from (one.lower() for one in (there[network] or {}).get("Aliases") or ())
