"""Containers that were started a moment ago: do their servers listen yet?

Docker tells that a container runs some milliseconds, or seconds, before its server takes
connections; who dials it meanwhile is refused. So what has no health check counts as ``starting``
until the kernel's table of its network namespace shows a listener, which disturbs no server as a
dial would. That holds for some seconds: there are ports that nobody ever listens on, and sandboxes
whose sockets the kernel does not know. Each read of such a table costs some milliseconds, since the
kernel goes through those of all namespaces for it; so a container is looked at when it is twice as
old as at the look before.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from arpanet import Container
from arpanet_registrator.sockets import LISTENING, UNCONNECTED, table

__all__ = ["PATIENCE", "SOONEST", "STATES", "Newcomers"]

#: Seconds after which what nobody listens on is taken for well: nothing better is known of it.
PATIENCE = 10.0
#: Seconds between the first look at a container and the second.
SOONEST = 0.02
#: The state of a socket that a server listens with, by protocol.
STATES = {"tcp": LISTENING, "udp": UNCONNECTED}

#: A container's id, and when it was started.
_Run = tuple[str, str]


class Newcomers:
    """To be told of each complete look at Docker, then asked."""

    def __init__(
        self, proc: Path = Path("/proc"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc, self._clock = proc, clock
        #: until when each is waited for; ``None``: there was no look yet
        self._until: dict[_Run, float] | None = None
        self._heard: set[tuple[_Run, int, str]] = set()
        #: where who listened, ``None``: it can't be told; and how old the container was then
        self._tables: dict[tuple[_Run, str], tuple[frozenset[int] | None, float]] = {}

    def look(self, containers: Mapping[str, Container]) -> None:
        """Let *containers* be all that run.

        Those of the first look are well: they may have been running for long.
        """
        before, now = self._until, self._clock()
        fresh = now if before is None else now + PATIENCE
        runs = {(one.id, one.started) for one in containers.values()}
        self._until = {run: (before or {}).get(run, fresh) for run in runs}
        self._heard = {one for one in self._heard if one[0] in runs}
        self._tables = {key: one for key, one in self._tables.items() if key[0] in runs}

    def silent(self, container: Container, port: int, protocol: str) -> bool:
        """Return whether nobody listens on *port* of *container* yet, and that is worth a wait."""
        run = (container.id, container.started)
        left = (self._until or {}).get(run, 0.0) - self._clock()
        if left <= 0:
            return False
        server = (run, port, protocol)
        if server not in self._heard:
            ports = self._ports(container, protocol, PATIENCE - left)
            if ports is None or port in ports:
                self._heard.add(server)
        return server not in self._heard

    def _ports(self, container: Container, protocol: str, age: float) -> frozenset[int] | None:
        """Return where somebody listens for others to reach, ``None``: it can't be told.

        :param age: seconds since the container was first seen.
        """
        key = ((container.id, container.started), protocol)
        ports, before = self._tables.get(key, (None, 0.0))
        if key not in self._tables or age >= 2 * before + SOONEST:
            ports = _listening(self._proc / str(container.pid) / "net", protocol)
            self._tables[key] = ports, age
        return ports


def _listening(place: Path, protocol: str) -> frozenset[int] | None:
    if not place.is_dir():
        return None
    try:
        return frozenset(
            one.port
            for one in table(protocol, place)
            if one.state in STATES[protocol] and not one.address.is_loopback
        )
    except (OSError, ValueError):  # it ended just now, or others keep it to themselves
        return None
