"""A running watch: one streamed HTTP answer, one JSON document per line."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from arpanet import RegistryError, RegistryUnreachable, codec
from arpanet_etcd.client import stream, wire
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import Compacted, EtcdError, Event, Json

__all__ = ["PULSE", "Watch"]

#: Seconds of silence after which the member is asked for a sign of life. A dead machine is found
#: out by the kernel, a member without a leader says so itself: this is for one that hangs.
PULSE = 8.0


class Watch:
    """Iterates over (store revision, events), one step per answer of etcd.

    Also steps, without events, when the watch has been set up and when etcd reports progress. May
    be closed from another thread; iteration then ends.

    :param pulse: asks the member for a sign of life; raises what ends the watch.
    :param blame: told why the watch broke.
    :ivar position: where the store was when it answered first.
    """

    def __init__(
        self,
        response: BaseHTTPResponse,
        pulse: Callable[[], None],
        blame: Callable[[str], None],
        every: float = PULSE,
    ) -> None:
        self.position = Position()
        self._response, self._pulse, self._blame, self._every = response, pulse, blame, every
        self._closed = threading.Event()
        self._dead = ""
        self._heard = True

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._response.close()

    def close(self) -> None:
        """End the iteration, wherever it waits."""
        self._closed.set()
        self._hang_up()

    def _hang_up(self) -> None:
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.shutdown()

    def __iter__(self) -> Iterator[tuple[int, tuple[Event, ...]]]:
        """Yield until closed.

        :raises Compacted: the wanted history is gone.
        :raises EtcdError: etcd ended the watch; code 14: the member has no leader.
        :raises RegistryUnreachable: the connection broke, or the member hangs.
        """
        try:
            for line in stream.lines(self._response):
                self._heard = True
                document = codec.parse(line)
                if not self.position.cluster:
                    self._begin(document)
                yield self._step(document)
        except EtcdError as problem:
            if problem.temporary and not self._closed.is_set():
                self._blame(problem.message)
            raise
        except (HTTPError, OSError, ValueError, KeyError) as problem:
            why = self._dead or f"the watch broke: {problem}"
        else:
            why = self._dead or "the watch was ended by etcd"
        if not self._closed.is_set():
            self._blame(why)
            raise RegistryUnreachable(why)

    def _begin(self, first: Json) -> None:
        if "error" in first:
            return
        self.position = wire.position(first)
        # the time limit so far was that of the answer's beginning
        connection = self._response.connection
        if connection and (sock := getattr(connection, "sock", None)):
            sock.settimeout(None)
        threading.Thread(target=self._listen, name="etcd-pulse", daemon=True).start()

    def _listen(self) -> None:
        while not self._closed.wait(self._every):
            if self._heard:
                self._heard = False
                continue
            try:
                self._pulse()
            except RegistryError as problem:
                self._dead = f"the master that was watched hangs: {problem}"
                self._hang_up()
                return

    def _step(self, document: Json) -> tuple[int, tuple[Event, ...]]:
        if "error" in document:
            raise wire.failure(200, json.dumps(document).encode())
        result = document["result"]
        if result.get("canceled"):
            if compacted := int(result.get("compact_revision", 0)):
                raise Compacted(compacted)
            raise EtcdError(f"etcd ended the watch: {result.get('cancel_reason')}", 14)
        return int(result["header"]["revision"]), wire.events(result)
