"""``~/.arpanetrc`` differs from what runs -> ``settings.changed`` -> the roles' starts run again.

Level, not edge: what counts is the difference between what is set and what a role was last started
with, so an edit made while nobody watched is found as well. The file is read at the start, after a
notice, and every :data:`RECHECK` seconds without one: a lost notice, or none at all where inotify's
limits are reached, costs a delay and nothing else. The directory is watched rather than the file,
since editors replace a file instead of writing to it.

What a start had from ``--set`` or its environment is kept: the watcher's own environment, under
systemd, is another one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from arpanet.context import Context
from arpanet.errors import ArpanetError, SettingsError
from arpanet.host import roles
from arpanet.settings import Settings, applied, rc_path

__all__ = ["Watcher"]

log = logging.getLogger(__name__)

#: Seconds after which the file is looked at without a notice.
RECHECK = 30.0
#: Seconds until a failed start is tried again: the first and the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
#: Seconds of quiet after a notice before the file is read: an editor writes in several steps.
SETTLE = 0.2


class Watcher:
    """Watches one file and keeps the roles of this host in line with it.

    :param read: reads all sources of settings anew; raises ``SettingsError``.
    """

    def __init__(self, context: Context, read: Callable[[], Settings]) -> None:
        self.context = context
        self._read = read
        self._path = rc_path()
        self._noticed = threading.Event()
        self._stopped = False
        self._complaint = ""
        self._seen = context.settings
        #: role -> the settings that its last start failed with, when to try again, the pause then
        self._failed: dict[str, tuple[Settings, float, float]] = {}

    def run(self) -> None:
        """Watch until :meth:`stop` is called."""
        with self._notices():
            log.info("watching %s", self._path)
            self._noticed.set()  # what changed before the observer ran would go unnoticed
            while not self._stopped:
                soonest = min((due for _, due, _ in self._failed.values()), default=float("inf"))
                pause = min(RECHECK, max(soonest - time.monotonic(), 0))
                if self._noticed.wait(pause):
                    self._settle()
                if not self._stopped:
                    self.check()

    @contextmanager
    def _notices(self) -> Iterator[None]:
        observer = Observer()
        try:
            observer.schedule(_Notice(self._path, self._noticed), str(self._path.parent))
            observer.start()
        except OSError as problem:  # inotify's limits, or no such directory
            reason = problem.strerror or problem
            log.warning("no notice of edits: %s; looking every %.0f s", reason, RECHECK)
        try:
            yield
        finally:
            observer.stop()
            if observer.is_alive():
                observer.join(timeout=5)

    def stop(self) -> None:
        """End :meth:`run`; may be called from any thread and from a signal handler."""
        self._stopped = True
        self._noticed.set()

    def _settle(self) -> None:
        while self._noticed.is_set() and not self._stopped:
            self._noticed.clear()
            self._noticed.wait(SETTLE)

    def check(self) -> None:
        """Read the settings, and start each role that was last started with other ones."""
        try:
            after = self._read()
        except SettingsError as problem:
            self._complain(f"{problem}; the old settings stay", None)
            return
        try:
            pending = self._pending(after)
            self._announce(after, pending)
            for role, (before, wanted) in pending.items():
                self._start(role, before, wanted)
        except Exception as problem:  # whatever it is: a watcher that ends applies nothing more
            self._complain(*_words(problem))
        else:
            self._complaint = ""

    def _complain(self, words: str, trace: BaseException | None) -> None:
        """Say it when it is new: it is found anew at each look."""
        if words != self._complaint:
            log.error("%s", words, exc_info=trace)
        self._complaint = words

    def _pending(self, after: Settings) -> dict[str, tuple[Settings | None, Settings]]:
        """Return role -> what it was started with, and what it is to be, where these differ."""
        started, found = applied.read(), {}
        for role in roles.ROLES:
            given = started.get(role)
            before = None if given is None else Settings(after, given)
            wanted = after if given is None else after.repeating(given)
            failed, due, _ = self._failed.get(role, (None, 0.0, 0.0))
            if wanted != before and (wanted != failed or time.monotonic() >= due):
                found[role] = (before, wanted)
        # asking Docker comes last: mostly there is nothing to ask for
        running = self.context.engine.roles() if found else set()
        return {role: found[role] for role in found if role in running}

    def _announce(
        self, after: Settings, pending: dict[str, tuple[Settings | None, Settings]]
    ) -> None:
        """Tell plugins of a change once: one that was just made, or one found at the start."""
        before = self._seen
        if after == before:
            for role, (started, wanted) in pending.items():
                if started is not None and role not in self._failed:
                    before, after = started, wanted
        else:
            self._seen = after
        if after != before:
            log.info("changed: %s", ", ".join(before.changes(after)))
            self.context.adopt(after)
            self.context.emit("settings.changed", before=before, after=after)

    def _start(self, role: str, before: Settings | None, wanted: Settings) -> None:
        self.context.adopt(wanted)
        for name, source in wanted.given().items():
            if (
                source.origin in ("option", "environment")
                and self._seen.given().get(name) != source
            ):
                log.info("%s: %s stays as its %s had it", role, name, source.origin)
        try:
            roles.start(self.context, role)
        except (Exception, SystemExit) as problem:
            failed, _, pause = self._failed.get(role, (None, 0.0, 0.0))
            pause = min(2 * pause, LONGEST_PAUSE) if failed == wanted else FIRST_PAUSE
            self._failed[role] = (wanted, time.monotonic() + pause, pause)
            words, trace = _words(problem)
            log.error("%s start: %s; trying again in %.0f s", role, words, pause, exc_info=trace)
        else:
            self._failed.pop(role, None)
            log.info("%s: in line with the settings", role)


def _words(problem: BaseException) -> tuple[str, BaseException | None]:
    """Return one line, and the traceback of an error that doesn't speak for itself."""
    if isinstance(problem, ArpanetError):
        return str(problem), None
    return " ".join(f"{type(problem).__name__}: {problem}".split()), problem


class _Notice(FileSystemEventHandler):
    """Sets a flag when something happens to one file of a directory."""

    def __init__(self, path: Path, noticed: threading.Event) -> None:
        self._path, self._noticed = str(path), noticed

    def on_any_event(self, event: FileSystemEvent) -> None:
        # reading the file is an event as well, and would make the watcher notice itself for ever
        if event.event_type in ("opened", "closed_no_write"):
            return
        if self._path in (event.src_path, event.dest_path):
            self._noticed.set()
