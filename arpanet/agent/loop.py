"""The loop inside a node container: sources -> one queue -> events.

Source threads (Docker, the registry, signals) only put the newest whole state on the queue; the
thread that runs :meth:`Agent.run` decides, so no built-in needs a lock. States are levels, not
edges: of several that wait, only the newest counts. Nothing that goes wrong in here ends it.
"""

import gc
import logging
import queue
import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import Any

from arpanet.agent import statusfile
from arpanet.agent.box import Box
from arpanet.agent.lost import LostFile
from arpanet.agent.sources import Source
from arpanet.context import Context
from arpanet.errors import PluginError
from arpanet.records import Container, Snapshot
from arpanet.registry import Presence
from arpanet.settings import ARPANET_RESYNC, HOSTNAME

__all__ = ["Agent", "run"]

log = logging.getLogger(__name__)

#: Seconds between two turns when nothing happens: as often, others see that this one lives.
IDLE = 1.0
#: Seconds that an agent that is told to end listens on: of a host that goes down it is told among
#: the first, and of what else ends in the milliseconds after.
LINGER = 0.5
#: Seconds without a turn after which it gives others no sign of life.
STUCK = 10.0
#: How many events of plugins' own threads may wait for the deciding thread.
POSTED = 1000
#: Seconds that third parties' plugins have when the agent ends.
FAREWELL = 5.0

#: What may wait: the newest whole state of a source, a word, or calls.
CONTAINERS, SERVICES, WAKE, STOP, CALL = "containers", "services", "wake", "stop", "call"


class Agent:
    """One node container's process.

    :param told: what the supervisor knows: ``deaths``, ``last`` and ``left_out``.
    """

    def __init__(
        self,
        context: Context,
        box: Box | None = None,
        told: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.context = context
        self._box, self._told, self._clock = box or Box(), dict(told or {}), clock
        self._queue: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._containers: Mapping[str, Container] = {}
        self._seen_containers = False
        self._snapshot = Snapshot()
        self._seen_services = False
        self._lost = LostFile()
        self._hanging: set[str] = set()
        self._moved = clock()
        self._ticked = float("-inf")
        self._faults = 0
        self._fault = ("", 0.0)
        context.wake = lambda: self._queue.put((WAKE, None))
        context.alive = lambda: self._clock() - self._moved

    def stop(self, *_: object) -> None:
        """End :meth:`run` soon; may be called from any thread."""
        self._queue.put((STOP, None))

    def run(self) -> None:
        """Follow Docker, and the registry where a plugin listens, until told to stop."""
        context, every = self.context, self.context.settings[ARPANET_RESYNC]

        def found(kind: str) -> Callable[[Any], None]:
            return lambda state: self._queue.put((kind, state))

        context.bus.decide(self._post, self._beat)
        self._beat()
        sources = [
            Source("docker", lambda: context.engine.follow(found(CONTAINERS), every)),
            Source("ended", context.engine.revive),
            Source("presence", self._show),
        ]
        if context.bus.heard("services.changed"):  # a cluster's worth of memory, for who needs it
            sources.append(Source("registry", lambda: context.registry.follow(found(SERVICES))))
        log.info("%s agent runs", context.agent)
        self._guarded(lambda: context.emit("agent.start"))
        while not self._go_on(sources, IDLE):
            """It was not told to end."""
        ends = self._clock() + LINGER
        while (left := ends - self._clock()) > 0:
            self._go_on(sources, left)
        for source in sources:
            self._guarded(source.close)
        self._guarded(lambda: context.emit("agent.stop"))
        for name in context.bus.close(FAREWELL):
            log.error("plugin %s did not end in time", name)
        log.info("%s agent stops", context.agent)

    def _go_on(self, sources: list[Source], seconds: float) -> bool:
        """Do what there is to do, within *seconds*; return whether it was told to end."""
        self._guarded(lambda: self._tick(sources))
        newest = self._wait(seconds)
        self._beat()
        self._guarded(lambda: self._turn(newest))
        return STOP in newest

    def _wait(self, seconds: float) -> dict[str, Any]:
        """Return the newest state of each source, and all calls; nothing after *seconds*."""
        newest: dict[str, Any] = {}
        try:
            kind, state = self._queue.get(timeout=seconds)
            while True:
                if kind == CALL:
                    newest.setdefault(CALL, []).append(state)
                else:
                    newest[kind] = state
                kind, state = self._queue.get_nowait()
        except queue.Empty:
            return newest

    def _turn(self, newest: Mapping[str, Any]) -> None:
        for call in newest.get(CALL, ()):
            self._guarded(call)
        # services first: what a new container links to is then known when it registers
        if SERVICES in newest:
            self.services(newest[SERVICES])
        if CONTAINERS in newest:
            self.containers(newest[CONTAINERS])
        elif WAKE in newest and self._seen_containers:
            self.containers(self._containers)

    def containers(self, after: Mapping[str, Container]) -> None:
        """Announce the differences to what was last seen, then the whole."""
        # nobody gets to change what others are told
        before, self._containers = self._containers, MappingProxyType(dict(after))
        self._seen_containers = True
        for key in sorted(before.keys() - after.keys(), key=lambda key: before[key].name):
            self.context.emit("container.deregister", container=before[key])
        for key in sorted(after.keys(), key=lambda key: after[key].name):
            if before.get(key) != after[key]:
                self.context.emit("container.register", container=after[key])
        self.context.emit("containers.synced", containers=self._containers)

    def services(self, after: Snapshot) -> None:
        """Announce the registry's new content."""
        before, self._snapshot = self._snapshot, after
        if after != before or not self._seen_services:
            self._seen_services = True
            self.context.emit("services.changed", before=before, after=after)

    # -- signs of life ---------------------------------------------------------------------------

    def _show(self) -> Presence:
        """Let other hosts miss this agent when its deciding thread does not move."""
        context = self.context
        host = context.settings[HOSTNAME]
        return context.registry.presence(host, context.agent, lambda: context.alive() < STUCK)

    def _beat(self) -> None:
        self._moved = self._clock()
        self._box.beat()

    def _post(self, call: Callable[[], None]) -> None:
        if self._queue.qsize() >= POSTED:
            raise PluginError(f"more than {POSTED} events wait already", "announce fewer")
        self._queue.put((CALL, call))

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as problem:  # an agent that ends helps nobody
            self._faults += 1
            self._fault = (f"{type(problem).__name__}: {problem}", self._clock())
            log.exception("the agent's loop failed, and goes on")

    def _tick(self, sources: list[Source]) -> None:
        """Once every :data:`IDLE` seconds at most: look around, and leave a sign of life."""
        if self._clock() - self._ticked < IDLE * 0.9:
            return
        if not gc.isenabled() and self._ticked > float("-inf"):
            # the start is over (arpanet.agent.process): what was loaded for it stays
            gc.freeze()
            gc.enable()
        self._ticked = self._clock()
        troubles = {source.name: source.look() for source in sources}
        self._tell_of_hanging()
        if self._seen_services:
            self._lost.leave(self._snapshot)
        self.context.emit("agent.tick")
        bus = self.context.bus
        state = {
            **troubles,
            "at": self._clock(),
            "failures": {
                name: {"count": one.count, "hook": one.place, "words": one.words, "at": one.at}
                for name, one in bus.failures.items()
                if not one.over
            },
            "plugins": bus.workers(),
            "hanging": sorted(self._hanging),
            "fault": {"count": self._faults, "words": self._fault[0], "at": self._fault[1]},
            **self._told,
        }
        statusfile.write(statusfile.AGENT, state)

    def _tell_of_hanging(self) -> None:
        hanging, workers = set(self.context.bus.hanging()), self.context.bus.workers()
        for name in sorted(hanging - self._hanging):
            hook = workers[name].get("hook", "a hook")
            log.error("plugin %s hangs in %s: it is held, and holds up nobody", name, hook)
        for name in sorted(self._hanging - hanging):
            log.info("plugin %s goes on", name)
        self._hanging = hanging


def run(context: Context, box: Box, told: Mapping[str, Any]) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    agent = Agent(context, box, told)

    def stop(_signum: int, _frame: FrameType | None) -> None:
        agent.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    agent.run()
