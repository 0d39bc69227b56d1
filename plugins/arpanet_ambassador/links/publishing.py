"""Telling what became of the links: the status file, the log, the event."""

import logging

from arpanet import HOSTNAME, Context, Link, statusfile
from arpanet_ambassador.links import report
from arpanet_ambassador.telling import Teller

__all__ = ["Publisher"]

log = logging.getLogger(__name__)


class Publisher:
    """Remembers what was told last.

    :param part: the name of the status file.
    """

    def __init__(self, context: Context, part: str) -> None:
        self._context, self._part = context, part
        self._teller = Teller(lambda: context.registry, context.settings[HOSTNAME])
        self._links: tuple[Link, ...] | None = None

    def publish(self, after: tuple[Link, ...], drift: int, reset: int, again: bool) -> None:
        """Tell what changed; write the status file *again* even where nothing did."""
        before = self._links or ()
        if self._links is None or after != before:
            self._teller.tell(after)
        if self._links is None or after != before or again:
            statusfile.write(self._part, report.encode(after, drift, reset))
        self._links = after
        if after != before:
            for link in sorted(set(after) - set(before), key=lambda one: (one.client, one.port)):
                log.info("%s", report.line(link))
            self._context.emit("links.changed", before=before, after=after)

    def close(self) -> None:
        """Tell nothing any more."""
        self._teller.close()
