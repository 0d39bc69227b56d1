"""A follower of the registry: list, then watch from there; list again where a watch can't go on.

What was last known stays while nobody answers, and is remembered beyond the end of the process. But
nobody tells then what is withdrawn: after a moment all of it counts as unconfirmed.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

from arpanet import RegistryError, Snapshot
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import Compacted
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.memory import Memory, State
from arpanet_etcd.registry.store import Changes, Quiet, Store, WentBack
from arpanet_etcd.registry.table import unconfirmed
from arpanet_etcd.registry.view import View

__all__ = ["Mirror"]

log = logging.getLogger(__name__)

#: Seconds after which a list is made although no watch failed: what nobody foresaw heals, too.
RELIST = 1800.0
#: The same after another store was listed: by then masters have put back whom they let in, and
#: who has no record was shut out.
SETTLED = 60.0
#: Seconds over which those spread that have to list anew at one moment.
SPREAD = 1.0
#: Seconds without an answer after which nothing is confirmed any more: masters that take turns in
#: leading, or are restarted one by one, need less.
DOUBT = 2.0


class Mirror:
    """See :class:`arpanet.registry.Follower`.

    :param memory: where what is known is kept; ``None``: nowhere.
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        notify: Callable[[Snapshot], None],
        memory: Memory | None = None,
    ) -> None:
        self.trouble = "not read yet"
        self._store, self._notify, self._memory = store, notify, memory
        self._view = View(layout)
        self._viewing = threading.Lock()
        #: where the view is in the store's history, and whether it has to be listed
        self._position = Position()
        self._stale = True
        self._went_back = False
        self._relist_at = 0.0
        #: what was told, and whether as unconfirmed
        self._told: tuple[Snapshot, bool] | None = None
        self._doubt: threading.Timer | None = None
        self._doubting = False
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
            if self._doubt:
                self._doubt.cancel()
            if self._changes:
                self._changes.close()
        if self._memory:
            self._memory.close()

    def _run(self) -> None:
        if self._memory and (state := self._memory.load()):
            self._position = state.position
            self._store.expect(state.position.cluster)
            self._view.restore(state.known)
        while not self._closed.is_set():
            try:
                if self._stale or time.monotonic() >= self._relist_at:
                    self._list()
                self._tell()
                self._watch()
            except (Compacted, WentBack) as missed:
                log.debug("%s", missed)
                self._stale = True
                self._went_back |= isinstance(missed, WentBack)
                self._closed.wait(random.uniform(0, SPREAD))  # noqa: S311 -- no secret
            except RegistryError as problem:
                self._complain(str(problem))
                self._doubt_soon()
                self._pause()
            except Exception:  # a failing notify must not end the mirror: it is told again
                log.exception("the registry's mirror failed")
                self._complain("the mirror failed, see the log")
                self._pause()

    def _pause(self) -> None:
        if self._told is None and self._position.cluster:
            self._try_telling()  # what was known before, since nobody answers
        self._closed.wait(self._backoff.next())

    def _try_telling(self) -> None:
        try:
            self._tell()
        except Exception:
            log.exception("the registry's mirror failed")

    def _doubt_soon(self) -> None:
        """Begin to doubt in a while: from a timer, since asking who is silent takes its time."""
        with self._lock:
            if self._doubt is None and not self._closed.is_set():
                self._doubt = threading.Timer(DOUBT, self._begin_to_doubt)
                self._doubt.daemon = True
                self._doubt.start()

    def _begin_to_doubt(self) -> None:
        with self._lock:
            if self._doubt is not threading.current_thread():
                return  # somebody answered meanwhile
            self._doubting = True
            if self._told:  # else what is known is unconfirmed anyway, or nothing
                self._try_telling()

    def _complain(self, trouble: str) -> None:
        if not self._closed.is_set() and trouble != self.trouble:
            log.debug("following the registry: %s", trouble)
            self.trouble = trouble

    def _list(self) -> None:
        # by now it may have got as far as it was, and further
        self._went_back |= not self._store.remembers(self._position)
        listing = self._store.listing()
        goes_on = not self._went_back and self._position.goes_on(listing.position)
        if not goes_on:
            log.warning(
                "etcd went from %s to %s: what was known stays as long as it answers",
                self._position,
                listing.position,
            )
        with self._viewing:
            self._view.replace(listing.texts, goes_on)
            self._position = listing.position
        self._stale = self._went_back = False
        again = RELIST if goes_on else SETTLED
        self._relist_at = time.monotonic() + again * random.uniform(0.75, 1.25)  # noqa: S311

    def _watch(self) -> None:
        changes = self._store.changes(self._position)
        with self._lock:
            self._changes = changes
            if self._closed.is_set():
                changes.close()
        try:
            for position, changed in changes:
                self._recover()
                if changed:
                    with self._viewing:
                        self._view.apply(changed)
                        self._position = position
                self._position = position
                self._tell()
                if time.monotonic() >= self._relist_at:
                    return
        except Quiet:
            return  # a new watch proves that the member still answers
        finally:
            changes.close()

    def _recover(self) -> None:
        self._backoff.reset()
        with self._lock:
            if self._doubt:
                self._doubt.cancel()
            self._doubt, self._doubting = None, False
        if self.trouble:
            log.debug("following the registry")
            self.trouble = ""

    def _tell(self) -> None:
        with self._viewing:
            snapshot = self._view.snapshot()
        with self._lock:
            doubting = self._doubting
            told = self._told
            if self._closed.is_set() or (told and told[0] is snapshot and told[1] == doubting):
                return
            self._notify(unconfirmed(snapshot) if doubting else snapshot)
            self._told = snapshot, doubting
        if self._memory:
            self._memory.keep(self._state)

    def _state(self) -> State:
        with self._viewing:
            return State(self._position, self._view.known())
