"""``~/.arpanetrc`` changed -> ``settings.changed`` -> the events of this host's roles run again.

The directory is watched rather than the file, since editors replace a file instead of writing to
it. What counts is the content: after a notice, and every :data:`RECHECK` seconds without one, the
file is read again and compared, so a lost notice costs a delay and nothing else.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from arpanet.context import Context
from arpanet.errors import ArpanetError, SettingsError
from arpanet.records import Formation
from arpanet.settings import Settings, rc_path

__all__ = ["Watcher"]

log = logging.getLogger(__name__)

#: Seconds after which the file is looked at without a notice, and a failed start is tried again.
RECHECK = 30.0
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
        self._unfinished = False
        self._complaint = ""

    def run(self) -> None:
        """Watch until :meth:`stop` is called."""
        observer = Observer()
        observer.schedule(_Notice(self._path, self._noticed), str(self._path.parent))
        observer.start()
        log.info("watching %s", self._path)
        self._noticed.set()  # what changed before the observer ran would go unnoticed
        try:
            while not self._stopped:
                if self._noticed.wait(RECHECK):
                    self._settle()
                if not self._stopped:
                    self.check()
        finally:
            observer.stop()
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
        """Read the settings; when they differ, or the last start failed, run the roles again."""
        before = self.context.settings
        try:
            after = self._read()
        except SettingsError as problem:
            if str(problem) != self._complaint:
                log.error("%s; the old settings stay", problem)
            self._complaint = str(problem)
            return
        self._complaint = ""
        if after == before and not self._unfinished:
            return
        if after != before:
            log.info("changed: %s", ", ".join(before.changes(after)))
            self.context.adopt(after)
            self.context.emit("settings.changed", before=before, after=after)
        self._unfinished = not self._start_roles()

    def _start_roles(self) -> bool:
        """Run the events of the roles that this host has; return whether all went well."""
        try:
            roles = self.context.engine.roles()
            if "master" in roles:
                self.context.emit("master.start", formation=Formation())
            if "slave" in roles:
                self.context.emit("slave.start")
        except ArpanetError as problem:
            log.error("%s; trying again in %.0f s", problem, RECHECK)
            return False
        log.info("in line with the settings: %s", ", ".join(sorted(roles)) or "no role runs here")
        return True


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
