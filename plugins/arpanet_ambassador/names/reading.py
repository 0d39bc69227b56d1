"""Hosts files of clients, read by workers: one that hangs holds up nobody else's."""

import threading
from collections.abc import Callable, Mapping

from arpanet_ambassador.names import hosts
from arpanet_ambassador.names.hosts import File

__all__ = ["HostsFiles"]

#: Reads that may be under way: each is of microseconds, but for one that never ends.
_AT_ONCE = 16


class HostsFiles:
    """What the hosts files that are wanted now call the ambassador. Use from one thread.

    :param changed: called from a worker when there is something new.
    :ivar found: namespace -> the ambassador's addresses; replaced as a whole.
    """

    def __init__(
        self, changed: Callable[[], None], read: Callable[[int], str] = hosts.read
    ) -> None:
        self._changed, self._read = changed, read
        self.found: Mapping[str, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._wanted: Mapping[str, File] = {}
        self._waiting: dict[str, File] = {}
        self._reading: set[str] = set()

    def want(self, files: Mapping[str, File], again: bool = False) -> None:
        """Read what is new among *files*, or all of them *again*; forget the others."""
        with self._lock:
            before, self._wanted = self._wanted, dict(files)
            self.found = {key: self.found[key] for key in files if key in self.found}
            self._waiting = {
                key: file
                for key, file in files.items()
                if again or key in self._waiting or before.get(key) != file
            }
            self._begin()

    def _begin(self) -> None:
        for key in sorted(self._waiting.keys() - self._reading):
            if len(self._reading) >= _AT_ONCE:
                return
            self._reading.add(key)
            file = self._waiting.pop(key)
            threading.Thread(target=self._one, args=(key, file), name="hosts", daemon=True).start()

    def _one(self, key: str, file: File) -> None:
        news = False
        try:
            addresses = hosts.addresses(self._read(file.pid), file.names)
            with self._lock:
                news = self._wanted.get(key) == file and self.found.get(key) != addresses
                if news:
                    self.found = {**self.found, key: addresses}
        finally:
            with self._lock:
                self._reading.discard(key)
                self._begin()
        if news:
            self._changed()
