"""Docker's events, as far as they may have changed what is known of a container."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import docker

from arpanet.docker.inspect import EVENT_FILTERS, KILL, Event, touched
from arpanet.docker.problems import translated

__all__ = ["Touched"]

#: Seconds that are reached back. Docker answers before it subscribes: nothing may fall in between.
OVERLAP = 2.0
#: The same for signals: whoever was told to end while nobody listened is ending still.
MEMORY = 600.0
#: Seconds in which what is reached back for has come: later on, no event is old, whatever its time
#: says of a clock that was put back.
REPLAYED = 5.0


class Touched:
    """An event stream: iterate it in one thread, close it from any."""

    def __init__(self, client: docker.APIClient, url: str) -> None:
        self._client, self._url = client, url
        now = int(time.time())
        self._since, self._replayed = now - OVERLAP, time.monotonic() + REPLAYED
        self._stream: Any = client.events(
            since=int(now - MEMORY), filters=EVENT_FILTERS, decode=True
        )

    def __iter__(self) -> Iterator[Event]:
        with translated("report events", self._url):
            for event in self._stream:
                found = touched(event)
                if found and (found.action == KILL or self._is_new(found)):
                    yield found

    def _is_new(self, event: Event) -> bool:
        return event.at >= self._since or time.monotonic() > self._replayed

    def close(self) -> None:
        """End the iteration, wherever it is."""
        # The SDK takes the response apart to reach its socket, which may be closed already
        with contextlib.suppress(AttributeError, OSError, docker.errors.DockerException):
            self._stream.close()
        self._client.close()
