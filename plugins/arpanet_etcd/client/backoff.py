"""How long to wait before the next attempt."""

import random

__all__ = ["Backoff"]


class Backoff:
    """Doubles from *first* to *cap* seconds, with jitter: who failed together comes back apart."""

    def __init__(self, first: float = 0.1, cap: float = 5.0) -> None:
        self._first, self._cap = first, cap
        self._wait = first

    def next(self) -> float:
        """Return the seconds to wait now."""
        wait, self._wait = self._wait, min(self._cap, 2 * self._wait)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret

    def reset(self) -> None:
        """Begin anew: an attempt succeeded."""
        self._wait = self._first
