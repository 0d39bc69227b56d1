"""Starting again what Docker has given up.

Whatever a container's policy is, Docker tries to start it again only until an attempt fails: one
full disk at the wrong moment, and it stays ended (moby, daemon/monitor.go; tried with 20.10). It
tells of the failed start then, which a container that somebody stopped or killed does not.

Each container is asked about: Docker's list is of what it could write down, so that one which ended
while the disk was full runs on there.
"""

import logging
import threading
from typing import Protocol

from arpanet.docker.specs import OwnContainer
from arpanet.errors import ArpanetError

__all__ = ["Host", "Reviving"]

log = logging.getLogger(__name__)

#: Seconds between two looks; each costs some questions, of every agent of a host.
EVERY = 15.0
#: Seconds that :meth:`Reviving.close` waits for its thread.
LINGER = 5.0


class Host(Protocol):
    """Whose containers these are; each method may raise ``EngineError``."""

    def own(self) -> list[OwnContainer]:
        """Return arpanet's own, running or not."""

    def start(self, container: str) -> None:
        """Start one."""


class Reviving:
    """Looks until it is closed; whatever it meets, it looks again.

    :ivar trouble: none ever: each part tells of its own container how it is.
    """

    trouble = ""

    def __init__(self, host: Host, every: float = EVERY) -> None:
        self._host, self._every = host, every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docker-revive", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        self._thread.join(LINGER)

    def _run(self) -> None:
        while not self._closed.wait(self._every):
            try:
                self._look()
            except ArpanetError as problem:  # Docker is away, or the disk is still full
                log.debug("%s", problem)
            except Exception:
                log.exception("the look for ended containers failed, and is done again")

    def _look(self) -> None:
        for one in self._host.own():
            # an update of this container is under way while it has another name than its own
            if one.given_up and not one.name.endswith((".new", ".old")):
                self._start(one)

    def _start(self, one: OwnContainer) -> None:
        try:
            self._host.start(one.id)
        except ArpanetError as problem:  # the disk is still full: others may need nothing of it
            log.debug("%s", problem)
        else:
            words = "container %s had ended, and Docker could not start it: %s"
            log.warning(words, one.name, one.given_up)
