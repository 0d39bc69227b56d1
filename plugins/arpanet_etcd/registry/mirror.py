"""A follower of the registry: list, watch from there, and list again whenever a watch ends.

What was last known stays while nobody answers.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from arpanet import RegistryError, Snapshot
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.watch import Quiet
from arpanet_etcd.client.wire import Compacted
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.store import Changes, Store
from arpanet_etcd.registry.view import View

__all__ = ["Mirror"]

log = logging.getLogger(__name__)

#: Seconds after which a list is made although no watch failed: what nobody foresaw heals, too.
RELIST = 300.0


class Mirror:
    """See :class:`arpanet.registry.Follower`."""

    def __init__(self, store: Store, layout: Layout, notify: Callable[[Snapshot], None]) -> None:
        self.trouble = "not read yet"
        self._store = store
        self._view = View(layout)
        self._notify = notify
        self._told: Snapshot | None = None
        self._changes: Changes | None = None
        self._backoff = Backoff()
        self._closed = threading.Event()
        # held while notify runs: none begins once close() has returned; notify itself may close
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="registry-mirror", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; no call of *notify* begins after this returns."""
        with self._lock:
            self._closed.set()
            if self._changes:
                self._changes.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._watch(self._list())
            except Compacted as missed:
                log.debug("%s", missed)
            except RegistryError as problem:
                self._complain(str(problem))
            except Exception:  # a failing notify must not end the mirror
                log.exception("the registry's mirror failed")
                self._complain("the mirror failed, see the log")
            else:
                continue
            self._closed.wait(self._backoff.next())

    def _complain(self, trouble: str) -> None:
        if not self._closed.is_set() and trouble != self.trouble:
            log.debug("following the registry: %s", trouble)
            self.trouble = trouble

    def _list(self) -> int:
        keys, cursor = self._store.listing()
        self._view.replace(keys)
        self._tell()
        return cursor

    def _watch(self, cursor: int) -> None:
        until = time.monotonic() + RELIST
        while time.monotonic() < until and not self._closed.is_set():
            changes = self._store.changes(cursor)
            with self._lock:
                self._changes = changes
                if self._closed.is_set():
                    changes.close()
            try:
                for position, changed in changes:
                    self._recover()
                    self._apply(changed)
                    cursor = position
            except Quiet:
                continue  # a new watch proves that the member still answers
            finally:
                changes.close()

    def _recover(self) -> None:
        self._backoff.reset()
        if self.trouble:
            log.debug("following the registry")
            self.trouble = ""

    def _apply(self, changed: Sequence[tuple[str, str | None]]) -> None:
        for key, text in changed:
            self._view.apply(key, text)
        if changed:
            self._tell()

    def _tell(self) -> None:
        snapshot = self._view.snapshot()
        with self._lock:
            if snapshot == self._told or self._closed.is_set():
                return
            self._told = snapshot
            self._notify(snapshot)
