"""Signs of life of an agent, given by one thread: the same for etcd's v3 and v2.

Others miss an agent by what it leaves in the store, which goes after a day without such a sign, or
by order; so they name one that is dead for as long, whatever became of its host's entries.
"""

import logging
import threading
from collections.abc import Callable

from arpanet import RegistryError
from arpanet_etcd.registry.store import Pulse

__all__ = ["DAY", "PulsePresence", "late"]

log = logging.getLogger(__name__)

#: Seconds for which an agent that fell silent is missed.
DAY = 86_400


def late(age: float, ttl: int) -> bool:
    """Whether an agent is silent that was heard of *age* seconds ago: it missed a beat."""
    return age > 1.5 * ttl


class PulsePresence:
    """See :class:`arpanet.registry.Presence`.

    :param pulse: makes what gives the signs; may ask the cluster.
    :param ttl: seconds between two signs: each costs the masters no write.
    """

    trouble = ""

    def __init__(self, pulse: Callable[[], Pulse], alive: Callable[[], bool], ttl: float) -> None:
        self._make, self._alive, self._every, self._again = pulse, alive, ttl, ttl / 5
        self._pulse: Pulse | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="presence", daemon=True).start()

    def close(self) -> None:
        """Give no more; a sign that is being given may still be."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            pause = self._again  # one that was not given is due
            try:
                if self._alive():
                    self._pulse = self._pulse or self._make()
                    self._pulse.beat()
                    pause = self._every
            except RegistryError as problem:
                log.debug("a sign of life was not taken: %s", problem)
                self._pulse = None
            except Exception:  # whatever it is, the next try may find it gone
                log.exception("giving a sign of life failed")
                self._pulse = None
            self._closed.wait(pause)
