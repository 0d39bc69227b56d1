"""One call, later."""

import threading
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Calls *ring* from a thread of its own when its time has come."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: threading.Timer | None = None

    def set(self, seconds: float | None) -> None:
        """Ring in *seconds* instead of when it was set to ring; ``None``: not at all."""
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._ring) if seconds is not None else None
        if self._timer:
            self._timer.daemon = True
            self._timer.start()
