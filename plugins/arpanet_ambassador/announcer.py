"""Telling other hosts of this one's links: for people who ask for those of the whole cluster."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from arpanet import LINKS, Registry, RegistryError
from arpanet_ambassador.links.outcome import Links

__all__ = ["Teller"]

log = logging.getLogger(__name__)

#: Seconds between two words, at least; and at most: a store that was wiped knows nothing.
PAUSE, AGAIN = 2.0, 300.0


class Teller:
    """Writes what is newest to the registry, from a thread of its own: nobody waits for it.

    :param registry: returns it; called from that thread.
    """

    def __init__(self, registry: Callable[[], Registry], host: str, pause: float = PAUSE) -> None:
        self._registry, self._host, self._pause = registry, host, pause
        self._news = threading.Condition()
        self._links: Links | None = None
        self._started = self._closed = False
        self._failed = ""

    def tell(self, links: Links) -> None:
        """Let *links* be what others see, soon. Returns at once."""
        with self._news:
            self._links = links
            self._news.notify()
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="telling", daemon=True).start()

    def close(self) -> None:
        """Tell nothing any more; what was told stays until the host is withdrawn."""
        with self._news:
            self._closed = True
            self._news.notify()

    def _run(self) -> None:
        told: Links | None = None
        while True:
            with self._news:
                self._news.wait_for(partial(self._due, told), AGAIN)
                if self._closed or self._links is None:
                    return
                links = self._links
            told = links if self._said(links) else None
            with self._news:
                self._news.wait_for(lambda: self._closed, self._pause)

    def _due(self, told: Links | None) -> bool:
        return self._closed or self._links is not told

    def _said(self, links: Links) -> bool:
        problem = ""
        try:
            self._registry().tell(self._host, LINKS, f"{{{links.packed}}}")
        except RegistryError as failure:
            problem = str(failure)
        except Exception:  # whatever it is, the next try may find it gone
            log.exception("telling others of this host's links failed")
            return False
        if problem and problem != self._failed:
            log.warning("'arpanet links --cluster' does not show this host's: %s", problem)
        self._failed = problem
        return not problem
