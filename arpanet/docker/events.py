"""Docker's events, as far as they may have changed what is known of a container."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import docker

from arpanet.docker.inspect import EVENT_FILTERS, touched
from arpanet.docker.problems import translated

__all__ = ["Touched"]


class Touched:
    """An event stream: iterate it in one thread, close it from any."""

    def __init__(self, client: docker.APIClient, url: str) -> None:
        self._client, self._url = client, url
        # Docker answers before it subscribes: reach back, so that nothing falls in between
        self._stream: Any = client.events(
            since=int(time.time()) - 2, filters=EVENT_FILTERS, decode=True
        )

    def __iter__(self) -> Iterator[tuple[str, str]]:
        with translated("report events", self._url):
            for event in self._stream:
                if found := touched(event):
                    yield found

    def close(self) -> None:
        """End the iteration, wherever it is."""
        # The SDK takes the response apart to reach its socket, which may be closed already
        with contextlib.suppress(AttributeError, OSError, docker.errors.DockerException):
            self._stream.close()
        self._client.close()
