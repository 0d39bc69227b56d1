"""All running containers, now and at each change: level, not edge.

One thread reads Docker's events and only puts ids on a queue; another looks at what they name and
tells. A full comparison follows each connect, so that what happened while nobody listened is seen,
and each *resync* seconds, since Docker drops events for slow listeners and replays 256 at most.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from arpanet.errors import EngineError
from arpanet.records import Container

__all__ = ["Following", "Notify", "Source"]

log = logging.getLogger(__name__)

#: Seconds between two attempts to reach Docker: the first and the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
#: Seconds that :meth:`Following.close` waits for each thread.
LINGER = 5.0

Notify = Callable[[Mapping[str, Container]], None]


class Events(Protocol):
    """A subscription: (container id, action) as they happen."""

    def __iter__(self) -> Iterator[tuple[str, str]]: ...
    def close(self) -> None: ...


class Source(Protocol):
    """What is followed; each method may raise ``EngineError``."""

    def subscribe(self) -> Events:
        """Begin to listen."""

    def containers(self) -> dict[str, Container]:
        """Return all running containers."""

    def container(self, container: str) -> Container | None:
        """Return one, ``None`` when it does not run."""


class Following:
    """A running mirror of Docker's running containers.

    :ivar trouble: why the mirror may be behind; ``""`` when it is up to date.
    """

    def __init__(self, source: Source, notify: Notify, resync: float) -> None:
        self._source, self._notify, self._resync = source, notify, resync
        self.trouble = ""
        # an event, ("", "connected") after each connect, None to wake up and look around
        self._queue: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._events: Events | None = None
        self._known: dict[str, Container] = {}
        self._threads = [
            threading.Thread(target=self._read, name="docker-events", daemon=True),
            threading.Thread(target=self._work, name="docker-mirror", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; no call of *notify* begins after this returns."""
        self._closed.set()
        self._disconnect()
        self._queue.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(LINGER)

    def _disconnect(self) -> None:
        if events := self._events:
            events.close()

    # -- the reader ------------------------------------------------------------------------------

    def _read(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            problem = "Docker ended the stream of events"
            try:
                self._events = self._source.subscribe()
                if self._closed.is_set():  # it was closed meanwhile, when there was nothing to end
                    self._disconnect()
                self._queue.put(CONNECTED)
                pause = FIRST_PAUSE
                for event in self._events:
                    self._queue.put(event)
            except EngineError as error:
                problem = str(error)
            if not self._closed.is_set():
                self._note(problem)
                with contextlib.suppress(EngineError):
                    self._disconnect()
                self._closed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _note(self, problem: str) -> None:
        if self.trouble != problem:
            log.warning("%s", problem)
        self.trouble = problem

    # -- the worker ------------------------------------------------------------------------------

    def _work(self) -> None:
        due = float("inf")  # until connected: a list without events would be a snapshot gone stale
        while True:
            batch = self._drain(due - time.monotonic())
            if self._closed.is_set():
                return
            full = CONNECTED in batch or time.monotonic() >= due
            try:
                changed = self._look_at_all() if full else self._look_at(batch)
            except EngineError as error:
                # A new connection brings a full look; should Docker hang, the timer tries again
                self._note(str(error))
                self._disconnect()
                due = time.monotonic() + LONGEST_PAUSE
                continue
            if full:
                due = time.monotonic() + self._resync
            if changed or full:
                self._tell()

    def _drain(self, seconds: float) -> list[tuple[str, str]]:
        """Wait for something to do, then take all that there is."""
        batch = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._queue.get(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))))
            while True:
                batch.append(self._queue.get_nowait())
        return [one for one in batch if one]

    def _look_at_all(self) -> bool:
        found = self._source.containers()
        changed = found != self._known
        self._known = found
        self.trouble = ""
        return changed

    def _look_at(self, batch: list[tuple[str, str]]) -> bool:
        """Look at what *batch* names; only a start can bring one that is not known yet."""
        before = dict(self._known)
        for name in dict.fromkeys(i for i, action in batch if action == "start" or i in before):
            found = self._source.container(name)
            if found:
                self._known[name] = found
            else:
                self._known.pop(name, None)
        return self._known != before

    def _tell(self) -> None:
        if self._closed.is_set():
            return
        try:
            self._notify(dict(self._known))
        except Exception:
            log.exception("telling of the running containers")


CONNECTED = ("", "connected")
