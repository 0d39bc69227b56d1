"""The registrator inside its agent: keeps the registry in line with what runs on this host."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from arpanet import (
    ARPANET_IP,
    HOSTNAME,
    ROLE_LABEL,
    STOPPING,
    Container,
    Context,
    Instance,
    Session,
    drained,
    statusfile,
)
from arpanet_registrator import memory
from arpanet_registrator.checker import Checker
from arpanet_registrator.ended import Ended
from arpanet_registrator.instances import REFUSES, Result, of_host
from arpanet_registrator.listeners import listening
from arpanet_registrator.memory import Kept
from arpanet_registrator.newcomers import SOONEST, Newcomers
from arpanet_registrator.settings import ARPANET_DEREGISTER, NAME, ON_SUCCESS, Options

__all__ = ["Publisher"]

#: How often to look whether a new server listens by now; after the first time, how many times
#: later each, and after how many seconds at most. Later ones are found by the agent's own look at
#: everything.
LOOKS, LONGER, LATEST = 20, 2.0, 2.0
#: Seconds without a move of the agent's deciding thread after which it vouches for nothing.
STUCK = 10.0

#: What checks found, on a volume that outlives the agent's container.
CHECKED = Path("/var/lib/arpanet/checks.json")

log = logging.getLogger(__name__)


class Publisher:
    """Publishes all of a host's instances, only ever from a complete look at Docker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._session: Session | None = None
        self._roles: tuple[str, ...] = ()
        self._containers: Mapping[str, Container] = {}
        self._published: Mapping[str, Instance] = {}
        self._warned: frozenset[tuple[str, str]] = frozenset()
        self._refused: Mapping[str, str] = {}
        self._silent: frozenset[tuple[str, str]] = frozenset()
        self._newcomers = Newcomers()
        self._looks, self._next_look = 0, 0.0
        self._figures: Mapping[str, object] = {}
        self._drained = drained.Drained()
        self._problem = ""

    @cached_property
    def _options(self) -> Options:
        settings = self._context.settings  # an agent's are what they were at its start
        return Options.of(settings[HOSTNAME], settings[ARPANET_IP], settings)

    @cached_property
    def _checking(self) -> Checker:
        """Made with the first complete look: what was found before counts for what still runs."""
        if not CHECKED.parent.is_dir():  # no agent's container: nothing outlives it
            return Checker(self._context.wake)
        runs = {one.id: one.started for one in self._containers.values()}
        return Checker(self._context.wake, memory.read(CHECKED, runs), Kept(CHECKED))

    @cached_property
    def _ended(self) -> Ended:
        return Ended(self._context.engine.inspect)

    def containers(self, containers: Mapping[str, Container]) -> None:
        """Let *containers* be all that run on this host."""
        stay: Mapping[str, Container] = {}
        if self._context.settings[ARPANET_DEREGISTER] == ON_SUCCESS:
            stay = self._ended.look(containers)
        self._containers = {**containers, **stay}
        self._newcomers.look(self._containers)
        self._look_for_drained()
        self._publish(self._session_for(containers))

    def tick(self) -> None:
        """Look whether anything was drained by hand since, then :meth:`report`."""
        if self._look_for_drained() and self._session:
            self._publish(self._session)
        self.report()

    def _look_for_drained(self) -> bool:
        """Return whether what is drained differs; while that can't be told, it does not."""
        before, problem = self._drained, ""
        try:
            self._drained = drained.read(drained.SEEN)
        except (OSError, ValueError) as odd:
            problem = str(odd)
        if problem and problem != self._problem:
            log.warning("what was drained stays so: %s", problem)
        self._problem = problem
        return self._drained != before

    def close(self) -> None:
        """Write what was published last; the entries live on for a while."""
        if self._session:
            self._session.close()

    def _session_for(self, containers: Mapping[str, Container]) -> Session:
        found = {one.labels.get(ROLE_LABEL) for one in containers.values()}
        roles = ("slave", "master") if "master" in found else ("slave",)
        if self._session is None or roles != self._roles:
            if self._session:
                self._session.close()
            # a new session takes over the entries of the one before: nothing flickers
            host = self._context.host(*roles)
            self._session = self._context.registry.session(host, self._alive)
            self._roles = roles
        return self._session

    def _alive(self) -> bool:
        """An agent that is stuck would vouch for entries that it no longer looks at."""
        return self._context.alive() < STUCK

    def _publish(self, session: Session) -> None:
        began = time.monotonic()
        containers = [
            replace(one, health=STOPPING) if self._drained.holds(one) else one
            for one in self._containers.values()
        ]
        listens, health = listening(self._options.ip), self._checking.health
        found = of_host(containers, self._options, listens, health, self._newcomers.silent)
        self._checking.want(found.checks)
        session.publish(found.instances.values())
        self._refused = session.refused
        found = _with_refused(found, self._refused)
        self._log(found.instances, found.warnings)
        self._look_again(found.silent, 4 * (time.monotonic() - began))
        self._figures = self._made_of(found)
        self.report()

    def report(self) -> None:
        """Leave figures and the session's present trouble for ``arpanet status``.

        A session works in a thread of its own: what it refuses it knows some moments later.
        """
        if self._session and self._session.refused != self._refused:
            self._context.wake()
        if self._session and self._figures:
            statusfile.write(NAME, {**self._figures, "trouble": self._session.trouble})

    def _made_of(self, found: Result) -> dict[str, object]:
        name = {key: one.name for key, one in self._containers.items()}
        lines = [f"{name[key]}: {line}" for key, said in found.warnings.items() for line in said]
        lines += [
            f"{name[key]}: its check of port {number} fell {count} times of late, and rose again"
            for (key, number), count in self._checking.flapping.items()
            if key in name
        ]
        return {
            "instances": len(found.instances),
            "services": len({one.services[0] for one in found.instances.values()}),
            "warnings": sorted(lines),
            "drained": self._drained_names(),
        }

    def _drained_names(self) -> list[str]:
        if self._drained.host:
            return ["--host"]
        return sorted(one.name for one in self._containers.values() if self._drained.holds(one))

    def _look_again(self, silent: frozenset[tuple[str, str]], least: float) -> None:
        """Docker does not tell when a server begins to listen: look, soon at first.

        :param least: seconds until then, since a look costs something where many begin at once.
        """
        if silent - self._silent:
            self._looks, self._next_look = 0, 0.0
        self._silent = silent
        now = time.monotonic()
        if silent and self._looks < LOOKS and now >= self._next_look:
            pause = max(least, min(SOONEST * LONGER**self._looks, LATEST))
            self._looks += 1
            self._next_look = now + pause
            timer = threading.Timer(pause, self._context.wake)
            timer.daemon = True
            timer.start()

    def _log(self, found: Mapping[str, Instance], warnings: Mapping[str, tuple[str, ...]]) -> None:
        before, self._published = self._published, found
        for key in sorted(before.keys() | found.keys()):
            old, new = before.get(key), found.get(key)
            if old and (not new or new.address != old.address or new.services != old.services):
                log.info("- %s", _line(old))
            if new and new != old:
                log.info("+ %s", _line(new))
        said = frozenset((key, line) for key, lines in warnings.items() for line in lines)
        for key, line in sorted(said - self._warned):
            log.warning("%s: %s", self._containers[key].name, line)
        self._warned = said


def _with_refused(found: Result, refused: Mapping[str, str]) -> Result:
    """Return *found*, warning of what the registry did not take, by container."""
    warnings = {key: list(lines) for key, lines in found.warnings.items()}
    for instance_id, why in refused.items():
        if instance_id in found.instances:
            container = found.instances[instance_id].container
            warnings.setdefault(container, []).append(f"{REFUSES} {instance_id}: {why}")
    return replace(found, warnings={key: tuple(lines) for key, lines in warnings.items()})


def _line(one: Instance) -> str:
    return " ".join(filter(None, (one.services[0], one.id, one.address, one.health)))
