"""Telling what became of the links: the status file, the log, the event."""

import logging
import time

from arpanet import HOSTNAME, Context, statusfile
from arpanet_ambassador.announcer import Teller
from arpanet_ambassador.links import report
from arpanet_ambassador.links.outcome import Links

__all__ = ["Publisher"]

log = logging.getLogger(__name__)

#: Seconds of one core that writing the status file may take each time; where it takes more, it is
#: written so seldom that it takes this part of the time.
QUICK, SHARE = 0.005, 20


class Publisher:
    """Remembers what was told last.

    :param part: the name of the status file.
    """

    def __init__(self, context: Context, part: str) -> None:
        self._context, self._part = context, part
        self._teller = Teller(lambda: context.registry, context.settings[HOSTNAME])
        self._links: Links | None = None
        self._unwritten: tuple[Links, int, int] | None = None
        self._due = 0.0

    def publish(self, after: Links, drift: int, reset: int, again: bool) -> None:
        """Tell what changed; write the status file *again* even where nothing did."""
        before = () if self._links is None else self._links
        changed = after != before
        if self._links is None or changed:
            self._teller.tell(after)
        if self._links is None or changed or again:
            self._unwritten = after, drift, reset
            self.flush()
        self._links = after
        if changed:
            for line in report.lines(before, after) if log.isEnabledFor(logging.INFO) else ():
                log.info("%s", line)
            self._context.emit("links.changed", before=before, after=after)

    def flush(self) -> None:
        """Write the status file, if there is news; a large one not for each of many changes.

        To be called once a second, too.
        """
        if self._unwritten is None or time.monotonic() < self._due:
            return
        began = time.thread_time()
        links, drift, reset = self._unwritten
        statusfile.write_text(self._part, report.encode(links.packed, drift, reset))
        self._unwritten = None
        took = time.thread_time() - began
        self._due = time.monotonic() + (SHARE * took if took > QUICK else 0.0)

    def close(self) -> None:
        """Tell nothing any more."""
        self._teller.close()
