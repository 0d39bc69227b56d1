"""All running containers, now and at each change: level, not edge.

One thread reads Docker's events and only puts ids on a queue; another looks at what they name and
tells. A full comparison follows each connect, so that what happened while nobody listened is seen,
and each *resync* seconds, since Docker drops events for slow listeners and replays 256 at most;
then what goes on as it was, by Docker's list, is not looked at more closely.

A container that was sent its stop signal counts as stopping until it ends or has outlived it. One
that can't be inspected stays as it was last seen, is named in :attr:`Following.trouble`
and asked for again, less and less often: the others don't notice.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from arpanet.docker.glance import Glance
from arpanet.docker.inspect import DIE, KILL, START, Event
from arpanet.docker.problems import Silent
from arpanet.docker.stopping import Stopping, former
from arpanet.errors import ArpanetError, EngineError, EngineUnreachable
from arpanet.records import Container

__all__ = ["Following", "Notify", "Source"]

log = logging.getLogger(__name__)

#: Seconds between two attempts to reach Docker: the first and the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
#: The same, between two attempts to inspect a container that could not be.
FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0
#: Seconds that :meth:`Following.close` waits for each thread.
LINGER = 5.0

Notify = Callable[[Mapping[str, Container]], None]


class Events(Protocol):
    """A subscription: what happens, as it does."""

    def __iter__(self) -> Iterator[Event]: ...
    def close(self) -> None: ...


class Source(Protocol):
    """What is followed; each method may raise ``EngineError``."""

    def subscribe(self) -> Events:
        """Begin to listen."""

    def listed(self) -> dict[str, Glance]:
        """Return all running containers by id, at a glance."""

    def container(self, container: str) -> Container | None:
        """Return one, ``None`` when it does not run."""


@dataclass
class _Failing:
    """A container that can't be inspected: why, when it is asked for again, and how long then."""

    problem: str
    due: float
    pause: float


class Following:
    """A running mirror of Docker's running containers."""

    def __init__(self, source: Source, notify: Notify, resync: float) -> None:
        self._source, self._notify, self._resync = source, notify, resync
        self._problem = ""
        # an event, CONNECTED after each connect, None to wake up and look around
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._events: Events | None = None
        self._known: dict[str, Container] = {}
        self._failing: dict[str, _Failing] = {}
        self._glances: dict[str, Glance] = {}
        self._stopping = Stopping()
        self._threads = [
            threading.Thread(target=self._read, name="docker-events", daemon=True),
            threading.Thread(target=self._work, name="docker-mirror", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def trouble(self) -> str:
        """Why the mirror may be behind; ``""`` when it is up to date."""
        failing = (one.problem for one in list(self._failing.values()))
        return "; ".join(words for words in (self._problem, *failing) if words)

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
            with contextlib.suppress(EngineError):
                events.close()

    def _note(self, problem: Exception | str) -> None:
        words = _words(problem)
        if self._problem != words:
            log.warning("%s", words, exc_info=_unforeseen(problem))
        self._problem = words

    # -- the reader ------------------------------------------------------------------------------

    def _read(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed.is_set():
            problem: Exception | str = "Docker ended the stream of events"
            try:
                self._events = self._source.subscribe()
                if self._closed.is_set():  # it was closed meanwhile, when there was nothing to end
                    self._disconnect()
                self._queue.put(CONNECTED)
                pause = FIRST_PAUSE
                for event in self._events:
                    self._queue.put(event)
            except Exception as error:  # whatever it was: a thread that ends hears of nothing more
                problem = error
            if not self._closed.is_set():
                self._note(problem)
                self._disconnect()
                self._closed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    # -- the worker ------------------------------------------------------------------------------

    def _work(self) -> None:
        due = float("inf")  # until connected: a list without events would be a snapshot gone stale
        while True:
            failing = (one.due for one in self._failing.values())
            soonest = min([due, self._stopping.due, *failing])
            batch = self._drain(soonest - time.monotonic())
            if self._closed.is_set():
                return
            full = CONNECTED in batch or time.monotonic() >= due
            before = dict(self._known)
            try:
                if full:
                    self._look_at_all(CONNECTED in batch)
                else:
                    self._look_at(batch)
            except Exception as error:
                # A new connection brings a full look; should Docker hang, the timer tries again
                self._note(error)
                self._disconnect()
                due = time.monotonic() + LONGEST_PAUSE
                continue
            self._mark(batch)
            if full:
                due = time.monotonic() + self._resync
            if full or self._known != before:
                self._tell()

    def _drain(self, seconds: float) -> list[Event]:
        """Wait for something to do, then take all that there is."""
        batch = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._queue.get(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))))
            while True:
                batch.append(self._queue.get_nowait())
        return [one for one in batch if one]

    def _look_at_all(self, anew: bool) -> None:
        """Look at every running container that may have changed; *anew*: at all there are."""
        glances, before = self._source.listed(), self._glances
        self._glances = {}  # not to be gone by when this look fails
        self._forget((self._known.keys() | self._failing.keys()) - glances.keys())
        now = time.monotonic()
        for key, one in glances.items():
            failing = self._failing.get(key)
            goes_on = key in self._known and one.goes_on(before.get(key))
            if anew or (failing.due <= now if failing else not goes_on):
                self._look_at_one(key, glances)
        self._glances, self._problem = glances, ""

    def _look_at(self, batch: list[Event]) -> None:
        """Look at what *batch* names, and at what is due again.

        Only a start can bring one that is not known yet.
        """
        now = time.monotonic()
        ended = self._ended(batch)
        self._forget(ended)
        seen = self._known.keys() | self._failing.keys()
        named = [
            one.container
            for one in batch
            if one.action == START or (one.action != KILL and one.container in seen)
        ]
        due = [key for key, one in self._failing.items() if one.due <= now]
        for key in dict.fromkeys([*named, *due, *self._stopping.outlived(now)]):
            self._look_at_one(key)

    def _ended(self, batch: list[Event]) -> list[str]:
        """Return what runs no more by *batch*'s own word.

        Docker locks a container while it starts it again, and what is asked of it meanwhile, all
        others would wait for.
        """
        last = {one.container: one for one in batch if one.action in (START, DIE)}
        return [
            key
            for key, one in last.items()
            if one.action == DIE
            and key in self._known
            and not former(one, self._known[key], time.time())
        ]

    def _mark(self, batch: list[Event]) -> None:
        """Have what is known say who is stopping; *batch* may tell of more."""
        for event in batch:
            if event.action == KILL and event.container in self._known:
                container = self._known[event.container]
                self._stopping.hear(event, container, time.monotonic(), time.time())
        self._known |= {one.id: one for one in self._stopping.marked(self._known)}

    def _look_at_one(self, key: str, names: Mapping[str, Glance] | None = None) -> None:
        began = time.monotonic()
        try:
            found = self._source.container(key)
        except Exception as problem:  # odd answers included: one container is not the others' fate
            if isinstance(problem, EngineUnreachable) and not isinstance(problem, Silent):
                raise  # that was Docker itself
            names = self._source.listed() if names is None else names
            if key in names:
                self._fails(key, names[key].name, problem, time.monotonic() - began)
                return
            found = None  # it runs no more, whatever is wrong with it
        self._forget([key])
        if found:
            self._known[key] = found

    def _fails(self, key: str, name: str, problem: Exception, took: float) -> None:
        """*took*: seconds; one that keeps others waiting is asked for more seldom."""
        words = f"container {name} can't be inspected: {_words(problem)}"
        before = self._failing.get(key)
        if before is None or before.problem != words:
            log.warning("%s; it stays as it was last seen", words)
        pause = min(max(2 * before.pause if before else FIRST_RETRY, 10 * took), LONGEST_RETRY)
        self._failing[key] = _Failing(words, time.monotonic() + pause, pause)

    def _forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._known.pop(key, None)
            self._failing.pop(key, None)

    def _tell(self) -> None:
        if self._closed.is_set():
            return
        try:
            self._notify(dict(self._known))
        except Exception:
            log.exception("telling of the running containers")


def _unforeseen(problem: Exception | str) -> Exception | None:
    """An error that was not made for people, whose traceback says more."""
    return None if isinstance(problem, str | ArpanetError) else problem


def _words(problem: Exception | str) -> str:
    """One line; with its class where an error was not made for people."""
    if not _unforeseen(problem):
        return str(problem)
    return " ".join(f"{type(problem).__name__}: {problem}".split())


CONNECTED = Event("", "connected")
