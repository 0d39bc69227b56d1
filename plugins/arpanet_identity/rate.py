"""How often strangers may be wrong: per address, and in all."""

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Rate"]


class Rate:
    """Counts failures of the last *seconds*. Thread-safe, and bounded whoever asks.

    :param each: from one address, from which on it is not listened to.
    :param all_: from all addresses.
    """

    def __init__(
        self,
        each: int = 10,
        all_: int = 200,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each, self._all, self._seconds, self._clock = each, all_, seconds, clock
        self._lock = threading.Lock()
        self._failures: deque[tuple[float, str]] = deque(maxlen=all_)

    def admits(self, address: str) -> bool:
        """Return whether *address* is listened to now."""
        with self._lock:
            since = self._clock() - self._seconds
            while self._failures and self._failures[0][0] < since:
                self._failures.popleft()
            own = sum(one == address for _, one in self._failures)
            return own < self._each and len(self._failures) < self._all

    def failed(self, address: str) -> None:
        """Remember that *address* was wrong."""
        with self._lock:
            self._failures.append((self._clock(), address))
