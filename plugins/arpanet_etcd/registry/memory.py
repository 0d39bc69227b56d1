"""What a follower knows, kept in a file: an agent that begins anew begins with it.

Written by a thread of its own: a disk that hangs or is full holds up nobody.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from arpanet import codec, replacing
from arpanet_etcd.client.position import Position, Witness
from arpanet_etcd.registry.view import Known

__all__ = ["Memory", "State"]

log = logging.getLogger(__name__)

#: Seconds between two writes, at least; writing takes no more than a twentieth of the time.
EVERY = 5.0
SHARE = 20


class State(NamedTuple):
    """What is remembered, and where in the store's history it was seen."""

    position: Position
    known: Known


class Memory:
    """The file at *path*.

    :ivar trouble: why the file is not what it should be; ``""``: it is.
    """

    def __init__(self, path: Path, every: float = EVERY) -> None:
        self.trouble = ""
        self._path, self._every = path, every
        self._state: Callable[[], State] | None = None
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="registry-memory", daemon=True)

    def load(self) -> State | None:
        """Return what was kept last, and begin to keep; ``None``: nothing that makes sense."""
        self._thread.start()
        try:
            return decode(self._path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            self._say(f"what was known before can't be read: {problem}")
            return None

    def keep(self, state: Callable[[], State]) -> None:
        """Have what *state* returns written soon; it is called by another thread, once."""
        with self._wake:
            self._state = state
            self._wake.notify()

    def close(self) -> None:
        """Write what is still to be written, for a second at most."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=1)

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed, pause)
                self._wake.wait_for(lambda: self._closed or self._state)
                state, self._state = self._state, None
                closed = self._closed
            if state:
                begun = time.monotonic()
                self._write(state)
                pause = max(self._every, SHARE * (time.monotonic() - begun))
            if closed:
                return

    def _write(self, state: Callable[[], State]) -> None:
        try:
            write(self._path, encode(state()))
        except OSError as problem:
            self._say(f"what is known can't be kept in {self._path}: {problem.strerror}")
        except Exception:  # nothing that is wrong with it may end the thread
            log.exception("keeping what is known failed")
            self._say("what is known can't be kept, see the log")
        else:
            self._say("")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble


def write(path: Path, parts: Iterable[str]) -> None:
    """Replace the file at *path*: whoever reads it finds the old text or the new one, of *parts*.

    :raises OSError: that can't be done; the old one is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        for part in parts:
            file.write(part.encode())


def encode(state: State) -> Iterator[str]:
    """Yield *state* as JSON, in parts: as a whole it is as large as all else that an agent keeps.

    What it took of memory for a moment would not be given back.
    """
    rest = {
        "position": state.position,
        "listed": state.known.listed,
        "trust": dict(state.known.trust),
        "reserved": dict(state.known.reserved),
    }
    yield f'{json.dumps(rest)[:-1]}, "entries": ['
    comma = ""
    for host, one, age in state.known.entries:
        yield comma + json.dumps((host, one.id, codec.encode(one), round(age, 1)))
        comma = ", "
    yield "]}"


def decode(text: str) -> State:
    """Return the state that :func:`encode` made *text* of; entries that make no sense are left out.

    :raises ValueError: it can't be one.
    """
    try:
        given = codec.parse(text)
        # former versions knew of no witness
        cluster, term, revision, witness = [*given["position"], None][:4]
        listed = {str(host): int(number) for host, number in given["listed"].items()}
        entries = []
        for host, instance_id, record, age in given["entries"]:
            try:
                entries.append((str(host), codec.decode_instance(instance_id, record), float(age)))
            except ValueError as problem:
                log.warning("forgetting instance %r: %s", instance_id, problem)
        # former versions knew of neither
        trust, reserved = (
            {str(name): str(text) for name, text in given.get(part, {}).items()}
            for part in ("trust", "reserved")
        )
        seen = Witness(str(witness[0]), str(witness[1]), int(witness[2])) if witness else None
        position = Position(str(cluster), int(term), int(revision), seen)
        return State(position, Known(listed, entries, trust, reserved))
    except (LookupError, TypeError, AttributeError) as problem:
        raise ValueError(f"it is not what was written: {problem!r}") from problem
