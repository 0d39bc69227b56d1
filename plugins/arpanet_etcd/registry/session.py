"""One host's entries, kept alive by one thread: the same for etcd's v3 and v2.

What the registry should hold is state, not a queue of wishes: every round refreshes what is there,
compares it with what was last published, and writes the difference.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from arpanet import Instance, RegistryError
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.registry.store import Writer

__all__ = ["HostSession"]

log = logging.getLogger(__name__)

#: Seconds that a session which is closed has to write what was published last: its own host's
#: master may be ending, too, and the others choose another leader.
FAREWELL = 3.0
#: Seconds between two attempts then.
AGAIN = 0.1


class HostSession:
    """See :class:`arpanet.registry.Session`.

    :param ttl: seconds that the entries outlive a silent host. They are refreshed twice in that
        time, and what failed is tried again at once.
    :param alive: whether whoever publishes does his work.
    """

    def __init__(self, writer: Writer, ttl: float, alive: Callable[[], bool] | None = None) -> None:
        self.trouble = "not begun yet"
        self.refused: Mapping[str, str] = {}
        self._writer, self._alive = writer, alive or (lambda: True)
        self._interval = ttl / 2
        self._wanted: dict[str, Instance] | None = None
        self._wake = threading.Event()
        #: what the registry holds, as far as is known
        self._written: dict[str, Instance] | None = None
        #: when it ends, whatever is not written; infinity: it was not told to
        self._ends = float("inf")
        self._backoff = Backoff(cap=ttl / 3)
        self._thread = threading.Thread(target=self._run, name="registry-session", daemon=True)
        self._thread.start()

    def publish(self, instances: Iterable[Instance]) -> None:
        """Let *instances* be all that this host has. Returns at once, raises nothing."""
        self._wanted = {one.id: one for one in instances}
        self._wake.set()

    def close(self) -> None:
        """Write what was published last, then let the entries stay until the TTL runs out."""
        self._ends = time.monotonic() + FAREWELL
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=FAREWELL + 2)

    def _run(self) -> None:
        refresh_at = 0.0
        while not self._over():
            try:
                if not self._alive():
                    raise RegistryError("this agent is stuck: its entries are not kept alive")
                if time.monotonic() >= refresh_at:
                    refresh_at = time.monotonic() + self._interval
                    self._writer.refresh()
                self._write()
            except RegistryError as problem:
                self._say(str(problem))
                refresh_at = 0.0
            except Exception:  # whatever it is, the entries must stay alive
                log.exception("the registry's session failed")
                self._say("the session failed, see the log")
                refresh_at = 0.0
            else:
                self._backoff.reset()
            pause = refresh_at - time.monotonic() if refresh_at else self._backoff.next()
            if not self._over():
                self._wake.wait(max(0.0, pause) if self._ends == float("inf") else AGAIN)
                self._wake.clear()

    def _over(self) -> bool:
        """Whether it was told to end, and has nothing more to do, or no time for it."""
        ends = self._ends
        return ends < float("inf") and (self._written is self._wanted or time.monotonic() >= ends)

    def _write(self) -> None:
        # cleared first: a publish from here on wakes the thread again
        wanted = self._wanted
        refused = {} if wanted is None else self._writer.write(wanted.values())
        self._written = wanted
        for instance_id, why in refused.items():
            if self.refused.get(instance_id) != why:
                log.warning("instance %s is refused: %s", instance_id, why)
        self.refused = refused
        self._say("")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("keeping this host's entries: %s", trouble)
        elif self.trouble and not trouble:
            log.info("this host's entries are in the registry")
        self.trouble = trouble
