"""Which cluster this process speaks with: one, whatever else stands behind the endpoints.

Two clusters behind one ``ARPANET_MASTERS`` happen: a master that lost its data and was booted, a
cluster formed anew under everybody's feet. What belongs to one must not be mixed with the other.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from arpanet import RegistryUnreachable

__all__ = ["Identity", "OtherCluster"]

#: Seconds without a word of the cluster after which another one that answers is taken for it.
PATIENCE = 60.0


class OtherCluster(RegistryUnreachable):
    """An endpoint is of another cluster than the rest."""


class Identity:
    """Thread-safe; does no I/O.

    :param configured: the endpoints that vote.
    :ivar cluster: its id, ``""`` as long as none is known.
    """

    def __init__(
        self, configured: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.cluster = ""
        self._configured, self._clock = tuple(configured), clock
        self._proved: set[str] = set()
        self._others: dict[str, str] = {}
        self._heard = clock()
        self._lock = threading.Lock()

    def proved(self, url: str) -> bool:
        """Whether *url* is known to be of the cluster."""
        return url in self._proved

    def doubt(self, url: str) -> None:
        """It failed: it speaks for no cluster, and whoever answers next has to prove what it is."""
        with self._lock:
            self._proved.discard(url)
            self._others.pop(url, None)

    def saw(self, url: str, cluster: str) -> None:
        """Take in what *url* says that it is.

        :raises OtherCluster: it is not the one.
        """
        with self._lock:
            if self.cluster in ("", cluster):
                self.cluster = cluster
                self._proved.add(url)
                self._others.pop(url, None)
                self._heard = self._clock()
                return
            self._proved.discard(url)
            self._others[url] = cluster
        raise OtherCluster(f"is of another cluster, {int(cluster):x}: not {int(self.cluster):x}")

    def elect(self, votes: Sequence[tuple[str, str]]) -> None:
        """Take the cluster that most of *votes* (URL, cluster) name; the first of equals."""
        with self._lock:
            if votes and not self.cluster:
                self.cluster = Counter(cluster for _, cluster in votes).most_common(1)[0][0]

    def adopt(self, known: Collection[str]) -> bool:
        """Take another cluster for it where nobody is left of this one; return whether it did.

        Those of *known*, the endpoints that are asked, that answer must agree. They must be most of
        the endpoints, so that a lone one that was formed by mistake leads nobody astray, or the
        only ones for :data:`PATIENCE` seconds.
        """
        with self._lock:
            others = {url: cluster for url, cluster in self._others.items() if url in known}
            found = set(others.values())
            if not self._proved.isdisjoint(known) or len(found) != 1:
                return False
            most = 2 * len(others.keys() & set(self._configured)) > len(self._configured)
            if not most and self._clock() < self._heard + PATIENCE:
                return False
            self.cluster = found.pop()
            self._others.clear()
            return True
