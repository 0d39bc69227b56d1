"""Containers that were sent their stop signal, until they end or outlive it. Decides only.

Docker tells of the signal by an event, and keeps it nowhere: what it was once told is remembered
here. How long ``docker stop -t`` waits is in no event; the container's own stop time stands for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from arpanet.docker.inspect import Event
from arpanet.records import STOPPING, Container

__all__ = ["Stopping", "former"]

#: Nobody outlives this one for long, whatever the container's own signal is.
SIGKILL = 9
#: Seconds beyond a container's stop time: by then Docker has killed it, and told so.
MARGIN = 2.0


class _Told(NamedTuple):
    """*started*: of which run of the container; *due*: when it has outlived the signal."""

    started: str
    due: float


class Stopping:
    """What is known of stop signals. Times are of :func:`time.monotonic`, but for events'."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    @property
    def due(self) -> float:
        """When the next one has outlived its signal; infinity: there is none."""
        return min((one.due for one in self._told.values()), default=float("inf"))

    def hear(self, event: Event, container: Container, now: float, clock: float) -> None:
        """Take in a ``kill`` event of *container*, as it runs now.

        :param clock: seconds since the epoch, now: events that come late count from when they were.
        """
        if event.signal not in (container.stop_signal, SIGKILL) or former(event, container, clock):
            return
        span = container.stop_timeout + MARGIN
        due = now + span - max(0.0, clock - event.at)  # a clock that was put back makes it later
        if now < due:
            self._told[container.id] = _Told(container.started, min(due, now + span))

    def outlived(self, now: float) -> list[str]:
        """Return, and forget, those whose time is over."""
        over = [key for key, one in self._told.items() if one.due <= now]
        for key in over:
            del self._told[key]
        return over

    def marked(self, known: Mapping[str, Container]) -> Iterator[Container]:
        """Yield those of *known* that are stopping, as such; forget those that run no more."""
        for key, one in list(self._told.items()):
            container = known.get(key)
            if container is None or container.started != one.started:
                del self._told[key]
            else:
                yield replace(container, health=STOPPING)


def former(event: Event, container: Container, clock: float) -> bool:
    """Return whether *event* is of an earlier run of *container*, going by Docker's times.

    A start that is yet to come was before the clock was put back: a signal of the time since then
    is later, whatever its time says.
    """
    began = _began(container)
    return event.at < began and not event.at <= clock < began


def _began(container: Container) -> float:
    """Return when it was started, in seconds since the epoch; 0.0: Docker's words make no sense."""
    try:
        return datetime.fromisoformat(container.started).timestamp()
    except ValueError:
        return 0.0
