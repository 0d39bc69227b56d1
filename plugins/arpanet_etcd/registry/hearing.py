"""Hearing of changes of the vault: one watch, made anew whenever it breaks."""

import logging
import threading
from collections.abc import Callable

from arpanet import RegistryError
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.watch import Watch
from arpanet_etcd.registry.keys import Layout

__all__ = ["VaultHearing"]

log = logging.getLogger(__name__)

#: Seconds between two attempts to hear anything, at most.
LONGEST = 4.0


class VaultHearing:
    """See :meth:`arpanet.vault.Vault.follow`. Runs from its start until :meth:`close`."""

    def __init__(self, gateway: Gateway, layout: Layout, changed: Callable[[], None]) -> None:
        self._gateway, self._layout, self._changed = gateway, layout, changed
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watch: Watch | None = None
        threading.Thread(target=self._run, name="vault", daemon=True).start()

    def close(self) -> None:
        """Hear no more; a call that is under way is not waited for."""
        with self._lock:
            self._ended.set()
            if self._watch:
                self._watch.close()

    def _run(self) -> None:
        backoff = Backoff(cap=LONGEST)
        while not self._ended.is_set():
            try:
                self._hear(backoff)
            except RegistryError as problem:
                log.debug("nothing is heard of the vault: %s", problem)
            except Exception:  # whatever it is, the next watch may be better
                log.exception("hearing of the vault failed, and goes on")
            if not self._ended.is_set():
                self._changed()  # for all that is known
                self._ended.wait(backoff.next())

    def _hear(self, backoff: Backoff) -> None:
        """Watch from now on: what was before is seen by who looks when this has begun."""
        watch = self._gateway.watch(*self._layout.vault, 0)
        with self._lock:
            self._watch = watch
            if self._ended.is_set():
                watch.close()
        begun = False
        with watch:
            for _, events in watch:
                backoff.reset()
                if not begun or any(self._layout.is_kept(one.key) for one in events):
                    self._changed()
                begun = True
