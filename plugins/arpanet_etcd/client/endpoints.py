"""The masters of one cluster: which to ask next, and what is wrong with the others."""

import random
import threading
import time
from collections.abc import Callable, Sequence

from arpanet_etcd.client.backoff import Backoff

__all__ = ["Endpoints"]


class _Trouble:
    """Why an endpoint is not asked, and until when others are asked before it."""

    def __init__(self) -> None:
        self.why, self.until = "", 0.0
        self.backoff = Backoff(1.0, 60.0)


class Endpoints:
    """Thread-safe; does no I/O.

    :param configured: base URLs.
    :param seed: shuffles them, the same way each time: clients spread over the masters, and each
        comes back to its own. ``""``: as configured.
    """

    def __init__(
        self,
        configured: Sequence[str],
        seed: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.configured = tuple(configured)
        self.all = self.configured
        self._seed, self._clock = seed, clock
        self._preferred = ""
        self._troubles: dict[str, _Trouble] = {}
        self._lock = threading.Lock()

    def learn(self, more: Sequence[str]) -> None:
        """Know *more* of them, after those that are configured."""
        with self._lock:
            self.all = tuple(dict.fromkeys((*self.configured, *more)))

    def order(self) -> list[str]:
        """Return all: the one that answered last, then the good ones, then those in trouble."""
        with self._lock:
            found = list(self.all)
            if self._seed:
                random.Random(self._seed).shuffle(found)  # noqa: S311 -- no secret
            if self._preferred in found:
                begin = found.index(self._preferred)
                found = found[begin:] + found[:begin]
            now = self._clock()
            return sorted(found, key=lambda url: max(0.0, self._until(url) - now))

    def _until(self, url: str) -> float:
        return self._troubles[url].until if url in self._troubles else 0.0

    def good(self, url: str) -> None:
        """It answered well: ask it first from now on."""
        with self._lock:
            self._preferred = url
            self._troubles.pop(url, None)

    def bad(self, url: str, why: str) -> None:
        """It failed: ask the others first, for longer each time."""
        with self._lock:
            trouble = self._troubles.setdefault(url, _Trouble())
            trouble.why = why
            trouble.until = self._clock() + trouble.backoff.next()
            if self._preferred == url:
                self._preferred = ""

    def go_home(self) -> None:
        """Begin with the seed's first again: after failures, all may have come to ask one."""
        with self._lock:
            self._preferred = ""

    @property
    def troubles(self) -> dict[str, str]:
        """URL -> what was wrong with it when it was last asked."""
        with self._lock:
            return {url: one.why for url, one in self._troubles.items()}
