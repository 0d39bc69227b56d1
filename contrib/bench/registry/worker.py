"""A process of simulated hosts, of followers or of watchers; does what its input says.

Each line of its input is a command, each line of its output an answer, as JSON. Times are seconds
of the monotonic clock, which all processes of a machine share.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arpanet import Registry, Session, Snapshot
from contrib.bench.registry.reach import registry_of, the_host, the_instances
from contrib.bench.registry.watchers import Watchers

__all__ = ["Followers", "Hosts"]

_PATIENCE = 600.0
#: Hosts of one process that share a client, and so a first master.
_SHARE = 25
_HEALTH = ("unhealthy", "healthy")


class Hosts:
    """Real sessions and signs of life, each with its thread, its lease and its keepalives."""

    def __init__(self, masters: str, first: int, count: int, each: int) -> None:
        self._each, self._changes = each, 0
        self._sessions: dict[int, Session] = {}
        registry: Registry | None = None
        for number in range(first, first + count):
            if registry is None or (number - first) % _SHARE == 0:
                registry = registry_of(masters, f"host{number}")
            self._sessions[number] = registry.session(the_host(number))
            for agent in ("ambassador", "registrator"):
                registry.presence(f"host{number}", agent, lambda: True)

    def publish(self) -> dict[str, Any]:
        """Publish all; return how long it took until all of it was there."""
        began = time.monotonic()
        for number, session in self._sessions.items():
            session.publish(the_instances(number, self._each))
        _wait(lambda: not self._troubled())
        return {"seconds": time.monotonic() - began}

    def change(self) -> dict[str, Any]:
        """Change the health of one instance; return when."""
        number, session = list(self._sessions.items())[self._changes % len(self._sessions)]
        instances = the_instances(number, self._each, self._health())
        self._changes += 1
        at = time.monotonic()
        session.publish(instances)
        return {"at": at}

    def _health(self) -> str:
        return _HEALTH[self._changes // len(self._sessions) % len(_HEALTH)]

    def look(self) -> dict[str, Any]:
        """Return how many are in trouble."""
        return {"troubled": self._troubled()}

    def _troubled(self) -> int:
        return sum(bool(one.trouble) for one in self._sessions.values())


class Followers:
    """Real followers, each with all that it keeps."""

    def __init__(self, masters: str, first: int, count: int) -> None:
        # as many processes' worth: each with a client of its own
        self._registries = [registry_of(masters, f"f{first + one}") for one in range(count)]
        self._heard: list[float] = []
        self._knows: list[int] = [0] * count
        self._followers: list[Any] = []

    def begin(self, expected: int) -> dict[str, Any]:
        """Follow; return for each the seconds until it knew *expected* instances."""
        began, told = time.monotonic(), []
        for number, registry in enumerate(self._registries):
            self._followers.append(registry.follow(self._teller(number)))
        while len(told) < len(self._registries):
            _wait(lambda: sum(one >= expected for one in self._knows) > len(told))
            told.append(time.monotonic() - began)
        return {"told": told}

    def _teller(self, number: int) -> Callable[[Snapshot], None]:
        def tell(snapshot: Snapshot) -> None:
            self._heard.append(time.monotonic())
            self._knows[number] = len(snapshot.instances)

        return tell

    def next(self) -> dict[str, Any]:
        """Wait for news, as far as none was looked at yet; return when the first came."""
        _wait(lambda: bool(self._heard))
        heard, self._heard = self._heard, []
        return {"at": heard[0]}

    def look(self) -> dict[str, Any]:
        """Return what was heard since the last look, and what it has cost."""
        heard, self._heard = self._heard, []
        status = Path("/proc/self/status").read_text()
        return {
            "heard": heard,
            "count": len(self._knows),
            "cpu": time.process_time(),
            "memory": int(status.partition("VmRSS:")[2].split()[0]) * 1024,
            "troubled": sum(bool(one.trouble) for one in self._followers),
            "least": min(self._knows),
        }


def _wait(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError("it takes too long")
        time.sleep(0.02)


KINDS: dict[str, Callable[..., Any]] = {
    "hosts": Hosts,
    "followers": Followers,
    "watchers": Watchers,
}


def main(argv: list[str]) -> None:
    """Obey until the input ends."""
    kind, masters, *numbers = argv
    logging.disable()  # each of hundreds would say that the masters were taken away
    worker = KINDS[kind](masters, *map(int, numbers))
    for line in sys.stdin:
        command, *given = line.split()
        print(json.dumps(getattr(worker, command)(*map(int, given))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
