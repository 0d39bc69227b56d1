"""The loop inside a node container: sources -> one queue -> events.

Source threads (Docker, the registry, signals) only put the newest whole state on the queue; the
thread that runs :meth:`Agent.run` decides, so no plugin needs a lock. States are levels, not edges:
of several that wait, only the newest counts.
"""

import logging
import queue
import signal
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from arpanet.agent import statusfile
from arpanet.context import Context
from arpanet.records import Container, Snapshot
from arpanet.settings import ARPANET_RESYNC

__all__ = ["STATUS", "Agent"]

log = logging.getLogger(__name__)

#: The part under which an agent leaves its own status (see :mod:`arpanet.agent.statusfile`).
STATUS = "agent"
#: Seconds between two looks at the sources' troubles when nothing happens.
IDLE = 5.0
#: Seconds that a source may be in trouble before the log says so: each is, while it connects.
PATIENCE = 2.0


class Agent:
    """One node container's process."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._containers: dict[str, Container] = {}
        self._seen_containers = False
        self._snapshot = Snapshot()
        self._seen_services = False
        self._since: dict[str, float] = {}
        self._warned: dict[str, str] = {}
        self._state: dict[str, Any] = {}
        context.wake = lambda: self._queue.put(("wake", None))

    def stop(self, *_: object) -> None:
        """End :meth:`run` soon; may be called from any thread."""
        self._queue.put(("stop", None))

    def run(self) -> None:
        """Follow Docker and the registry until told to stop."""
        docker = self.context.engine.follow(
            lambda found: self._queue.put(("containers", found)),
            self.context.settings[ARPANET_RESYNC],
        )
        services = self.context.registry.follow(lambda found: self._queue.put(("services", found)))
        log.info("%s agent runs", self.context.agent)
        try:
            while True:
                newest = self._wait()
                if "stop" in newest:
                    break
                # services first: what a new container links to is then known when it registers
                if "services" in newest:
                    self.services(newest["services"])
                if "containers" in newest:
                    self.containers(newest["containers"])
                elif "wake" in newest and self._seen_containers:
                    self.containers(self._containers)
                self._report({"docker": docker.trouble, "registry": services.trouble})
        finally:
            docker.close()
            services.close()
        log.info("%s agent stops", self.context.agent)

    def _wait(self) -> dict[str, Any]:
        """Return the newest state of each source; nothing when :data:`IDLE` seconds went by."""
        newest: dict[str, Any] = {}
        try:
            kind, state = self._queue.get(timeout=IDLE)
            newest[kind] = state
            while True:
                kind, state = self._queue.get_nowait()
                newest[kind] = state
        except queue.Empty:
            return newest

    def containers(self, after: Mapping[str, Container]) -> None:
        """Announce the differences to what was last seen, then the whole."""
        before, self._containers = self._containers, dict(after)
        self._seen_containers = True
        for key in sorted(before.keys() - after.keys(), key=lambda key: before[key].name):
            self.context.emit("container.deregister", container=before[key])
        for key in sorted(after.keys(), key=lambda key: after[key].name):
            if before.get(key) != after[key]:
                self.context.emit("container.register", container=after[key])
        self.context.emit("containers.synced", containers=dict(after))

    def services(self, after: Snapshot) -> None:
        """Announce the registry's new content."""
        before, self._snapshot = self._snapshot, after
        if after != before or not self._seen_services:
            self._seen_services = True
            self.context.emit("services.changed", before=before, after=after)

    def _report(self, troubles: dict[str, str]) -> None:
        """Log a trouble that stays, and when it goes; leave the newest state for ``status``."""
        now = time.monotonic()
        for source, trouble in troubles.items():
            if not trouble:
                self._since.pop(source, None)
                if self._warned.pop(source, None):
                    log.info("%s: all is well again", source)
            elif now - self._since.setdefault(source, now) >= PATIENCE:
                if trouble != self._warned.get(source):
                    log.warning("%s: %s", source, trouble)
                self._warned[source] = trouble
        state: dict[str, Any] = {**troubles, "failures": dict(self.context.bus.failures)}
        if state != self._state:
            statusfile.write(STATUS, state)
        self._state = state


def run(context: Context) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    agent = Agent(context)

    def stop(_signum: int, _frame: FrameType | None) -> None:
        agent.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    agent.run()
