"""A running watch: one streamed HTTP answer, one JSON document per line."""

import contextlib
import json
from collections.abc import Iterator
from types import TracebackType

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from arpanet import RegistryUnreachable
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import Compacted, Event, Json

__all__ = ["Quiet", "Watch"]


class Quiet(Exception):
    """Nothing was heard for a while: no change, or a member that hangs; a new watch finds out."""


class Watch:
    """Iterates over (store revision, events), one step per answer of etcd.

    Also steps, without events, when the watch has been set up and when etcd reports progress. May
    be closed from another thread; iteration then ends.
    """

    def __init__(self, response: BaseHTTPResponse, quiet: float) -> None:
        self._response = response
        self._closed = False
        # the time limit so far was that of the answer's beginning
        if (connection := response.connection) and (sock := getattr(connection, "sock", None)):
            sock.settimeout(quiet)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        self._response.close()

    def close(self) -> None:
        """End the iteration, wherever it waits."""
        self._closed = True
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.shutdown()

    def __iter__(self) -> Iterator[tuple[int, tuple[Event, ...]]]:
        """Yield until closed.

        :raises Quiet: nothing was heard for the time set.
        :raises Compacted: the wanted history is gone.
        :raises EtcdError: etcd ended the watch; code 14: the member has no leader.
        :raises RegistryUnreachable: the connection broke.
        """
        try:
            for line in self._lines():
                yield self._step(json.loads(line))
        except ReadTimeoutError as problem:
            if not self._closed:
                raise Quiet from problem
        except (HTTPError, OSError, ValueError) as problem:
            if not self._closed:
                raise RegistryUnreachable(f"the watch broke: {problem}") from problem
        else:
            if not self._closed:
                raise RegistryUnreachable("the watch was ended by etcd")

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        for chunk in self._response.stream(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from filter(None, lines)
        if rest:
            yield rest

    def _step(self, document: Json) -> tuple[int, tuple[Event, ...]]:
        if "error" in document:
            raise wire.failure(200, json.dumps(document).encode())
        result = document["result"]
        if result.get("canceled"):
            if compacted := int(result.get("compact_revision", 0)):
                raise Compacted(compacted)
            raise wire.EtcdError(f"etcd ended the watch: {result.get('cancel_reason')}", 14)
        return int(result["header"]["revision"]), wire.events(result)
