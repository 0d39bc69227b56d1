"""Standing for leading under a name, kept up by one thread: the same for etcd's v3 and v2."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from arpanet import RegistryError, not_leading
from arpanet_etcd.registry.store import Seat

__all__ = ["SeatLeadership"]

log = logging.getLogger(__name__)


class SeatLeadership:
    """See :class:`arpanet.registry.Leadership`.

    :param seat: makes the seat that candidates contend for; may ask the cluster.
    :param ttl: seconds that the seat outlives a silent holder; looked after three times as often.
    """

    def __init__(self, name: str, seat: Callable[[], Seat], ttl: float) -> None:
        self._name, self._make, self._ttl = name, seat, ttl
        self._seat: Seat | None = None
        #: one request at a time: the thread's, or a caller's
        self._lock = threading.Lock()
        self._until = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"leader-{name}", daemon=True)
        self._thread.start()

    @property
    def leading(self) -> bool:
        """Whether it is this one now."""
        return not self._closed.is_set() and _now() < self._until

    def recall(self) -> str:
        """Return what a leader of this name kept last."""
        with self._lock:
            return self._seated().recall()

    def keep(self, note: str) -> None:
        """Keep *note* in the place of the last one."""
        with self._lock:
            if not (self.leading and self._seated().keep(note)):
                self._until = 0.0
                raise not_leading(self._name)

    def close(self) -> None:
        """Stand no more."""
        self._closed.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2)

    def _seated(self) -> Seat:
        if self._seat is None:
            self._seat = self._make()
        return self._seat

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._stand()
            except RegistryError as problem:
                log.debug("leading %s: %s", self._name, problem)
            except Exception:  # whatever it is, the next try may find it gone
                log.exception("standing for %s failed", self._name)
            self._closed.wait(self._ttl / 3)
        with suppress(RegistryError), self._lock:  # it runs out by itself
            if self._seat:
                self._seat.release()

    def _stand(self) -> None:
        with self._lock:
            begun = _now()
            held = self._seated().hold()
            self._until = begun + self._ttl if held else 0.0


def _now() -> float:
    """Seconds that go on while the machine sleeps, as those of a lease do."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
