"""Leaving who talks to whom where the command line finds it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from arpanet import Container, statusfile
from arpanet_ambassador.flows import report
from arpanet_ambassador.flows.files import PART
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.planes.plane import Plane
from arpanet_ambassador.planes.socket.plane import Sockets

__all__ = ["Observing"]

#: Seconds between two looks at the kernel's maps, at least; each takes a millisecond or two. Where
#: it takes more, as with clients that dial all the world, looks are so seldom that they take this
#: part of the time.
EVERY, SHARE = 5.0, 50


class Observing:
    """Looks now and then, from the agent's thread; where no link is translated, never."""

    def __init__(self, planes: Sequence[Plane]) -> None:
        self._sockets = next((one for one in planes if isinstance(one, Sockets)), None)
        self._due = 0.0
        self._left: dict[str, Any] = {}

    def look(self, plan: Plan, containers: Mapping[str, Container]) -> None:
        """Look, if it is time to, and leave what was seen."""
        now = time.monotonic()
        if self._sockets is None or now < self._due:
            return
        began, used = time.time() - now, time.thread_time()
        names = {one.id: one.name for one in containers.values()}
        seen = self._sockets.seen()
        found = {
            "flows": report.flows(seen, plan, names, began),
            "more": max(0, len(seen) - report.LATEST),
            "links": report.counted(self._sockets.uses(), plan, began),
        }
        if found != self._left:
            statusfile.write(PART, found)
            self._left = found
        self._due = now + max(EVERY, SHARE * (time.thread_time() - used))
