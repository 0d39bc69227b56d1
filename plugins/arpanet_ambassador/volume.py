"""Where links that were added are kept: a volume that outlives the ambassador's container.

The command line writes to it, on the host; the ambassador reads, and is told by the kernel.
"""

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from arpanet import ArpanetError, Engine, replacing
from arpanet_ambassador import inotify, nodes
from arpanet_ambassador.links.added import Added, Now, by_container, decode, due, encode

__all__ = ["Kept", "change", "now", "place_of", "read"]

log = logging.getLogger(__name__)

#: The file, and what keeps two that write it apart.
_FILE, _LOCK = "added.json", "lock"
#: Seconds until it is tried again where the place can't be watched.
_AGAIN = 5.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Kept:
    """The links that are kept, for the ambassador. May be used from any thread.

    :param changed: called from a thread of this class when they may have changed.
    :param clock: see :func:`now`.
    """

    def __init__(
        self, place: Path, changed: Callable[[], None], clock: Callable[[], Now] | None = None
    ) -> None:
        self._place, self._changed, self._clock = place, changed, clock or now
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._every: tuple[Added, ...] = ()
        threading.Thread(target=self._watch, name="links", daemon=True).start()

    def links(self) -> Mapping[str, tuple[Added, ...]]:
        """Return container id -> its links that have not ended; costs nothing while none does."""
        with self._lock:
            self._look()
            return by_container(self._every, self._clock())

    def due(self) -> float | None:
        """Return in how many seconds the first of them ends; ``None``: none does."""
        moment = self._clock()
        return due(by_container(self._every, moment), moment)

    def _look(self) -> None:
        try:
            found = (self._place / _FILE).stat()
            stamp = found.st_ino, found.st_mtime_ns, found.st_size
            if stamp != self._stamp:
                self._stamp = stamp
                self._every = read(self._place)
        except FileNotFoundError:  # none was ever added
            self._stamp, self._every = (), ()
        except (OSError, ArpanetError) as problem:  # the last known stay
            log.warning("the links that were added: %s", problem)

    def _watch(self) -> None:
        while True:
            try:
                for entry in inotify.entries([self._place], inotify.MOVED):
                    if entry.name == _FILE:
                        self._changed()
            except OSError as problem:
                log.debug("%s cannot be watched: %s", self._place, problem)
            time.sleep(_AGAIN)


def now() -> Now:
    """Return this moment, as the host and all of its containers know it."""
    return Now(time.time(), _boot(), time.clock_gettime(time.CLOCK_BOOTTIME))


@cache
def _boot() -> str:
    return _BOOT.read_text().strip()  # the same for as long as any process lives


def place_of(engine: Engine) -> Path:
    """Return where the running ambassador's links are, as the host calls it.

    :raises ArpanetError: it does not run, or was made by a version that kept none.
    """
    found = engine.inspect(nodes.running(engine)) or {}
    for mount in found.get("Mounts") or ():
        if mount["Destination"] == str(nodes.LINKS):
            return Path(mount["Source"])
    raise ArpanetError("the ambassador is of a former version", "run 'arpanet slave start'")


def read(place: Path) -> tuple[Added, ...]:
    """Return what is kept, also what has ended.

    :raises ArpanetError: it can't be read, or makes no sense.
    """
    path = place / _FILE
    try:
        return decode(path.read_text())
    except FileNotFoundError:
        return ()
    except OSError as problem:
        raise _unreachable(path, problem) from problem
    except ValueError as problem:
        raise ArpanetError(
            f"{path} does not say which links were added: {problem}",
            "remove that file, and add them again",
        ) from problem


def change(place: Path, edit: Callable[[tuple[Added, ...]], tuple[Added, ...]]) -> None:
    """Keep what *edit* makes of what is kept, as one step.

    :raises ArpanetError: it can't be read or written, or makes no sense; nothing was changed.
    """
    try:
        with (place / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            text = encode(edit(read(place)))
            with replacing(place / _FILE) as file:
                file.write(text.encode())
    except OSError as problem:
        raise _unreachable(place, problem) from problem


def _unreachable(path: Path, problem: OSError) -> ArpanetError:
    words = f"{path} can't be reached: {problem.strerror}"
    return ArpanetError(words, "run this as root, on the host itself")
