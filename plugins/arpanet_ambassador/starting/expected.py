"""What the proxy will be dialled at, once containers start that exist by now.

For the proxy alone the ambassador sees nothing of the host but Docker's API, which tells of a start
after the first instruction. But what will be dialled, the container's variables say from its making
on, some 200 ms before: so the proxy listens there, and holds who dials until Docker tells who it
is.

Docker locks a container while it starts it, so that on a busy machine a question may be late. What
was declared once is therefore expected again: only the first of all that dial a port can be too
early.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from arpanet import ArpanetError, Container
from arpanet_ambassador.links.declare import ports

__all__ = ["Expected"]

log = logging.getLogger(__name__)

#: Seconds until it is tried again when Docker is away.
_AGAIN = 1.0
#: How many containers are asked for at once: a question waits while one starts, and others must
#: not wait with it.
_AT_ONCE = 32
#: How many ports are remembered, the latest: one listener each.
_MOST = 1000


class Expected:
    """The ports that containers declare or have declared, running or not.

    :param existing: yields the id of each container that there is, and of each that is made.
    :param declared: returns its record.
    :param changed: called, from a thread of this class, when :attr:`ports` has become another.
    :ivar ports: replaced as a whole: to be read from any thread.
    """

    def __init__(
        self,
        existing: Callable[[], Iterator[str]],
        declared: Callable[[str], Container | None],
        changed: Callable[[], None],
    ) -> None:
        self._existing, self._declared, self._changed = existing, declared, changed
        self._lock = threading.Lock()
        self._known: dict[int, None] = {}
        self.ports: frozenset[int] = frozenset()
        threading.Thread(target=self._run, name="expected", daemon=True).start()

    def _run(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE, "expected") as pool:
            while True:
                try:
                    for key in self._existing():
                        pool.submit(self._look_at, key)
                except Exception as problem:  # Docker may be away for now
                    log.debug("containers that are made are not seen: %s", problem)
                time.sleep(_AGAIN)

    def _look_at(self, key: str) -> None:
        try:
            found = self._declared(key)
        except ArpanetError as problem:
            log.debug("container %.12s is made unseen: %s", key, problem)
            return
        if found and (wanted := ports(found)):
            self._note(wanted)

    def _note(self, wanted: frozenset[int]) -> None:
        with self._lock:
            others = [port for port in self._known if port not in wanted]
            self._known = dict.fromkeys([*others, *sorted(wanted)][-_MOST:])
            fresh = frozenset(self._known)
            same, self.ports = fresh == self.ports, fresh
        if not same:
            self._changed()
