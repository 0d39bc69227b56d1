"""What an agent follows: begun when it can be, watched for troubles."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Followed", "Source"]

log = logging.getLogger(__name__)

#: Seconds between two attempts to begin.
AGAIN = 1.0
#: Seconds that a source may be in trouble before the log says so: each is, while it connects.
PATIENCE = 2.0


class Followed(Protocol):
    """A running mirror: of Docker, of the registry."""

    @property
    def trouble(self) -> str:
        """Why it may be behind; ``""`` when it is up to date."""

    def close(self) -> None:
        """Stop."""


class Source:
    """Something to follow.

    :param follow: begins; may raise anything, and is tried again.
    """

    def __init__(
        self,
        name: str,
        follow: Callable[[], Followed],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._follow, self._clock = follow, clock
        self._running: Followed | None = None
        self._problem = ""
        self._tried = float("-inf")
        self._since: float | None = None
        self._warned = ""

    def look(self) -> str:
        """Begin if that is still to be done; log and return the present trouble, ``""`` if none."""
        now = self._clock()
        if self._running is None and now - self._tried >= AGAIN:
            self._tried = now
            self._begin()
        trouble = self._running.trouble if self._running else self._problem
        if not trouble:
            self._since = None
            if self._warned:
                log.info("%s: all is well again", self.name)
            self._warned = ""
            return ""
        self._since = now if self._since is None else self._since
        if now - self._since >= PATIENCE and trouble != self._warned:
            log.warning("%s: %s", self.name, trouble)
            self._warned = trouble
        return trouble

    def _begin(self) -> None:
        try:
            self._running = self._follow()
        except Exception as problem:  # whatever it is, it may be otherwise in a second
            self._problem = str(problem) or type(problem).__name__
            log.debug("%s", self.name, exc_info=problem)

    def close(self) -> None:
        """Stop following."""
        if self._running:
            self._running.close()
