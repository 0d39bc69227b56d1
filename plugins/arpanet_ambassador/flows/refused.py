"""Instances that refuse clients here: the kernel tells, where it can."""

import logging
from collections.abc import Callable

from arpanet_ambassador.flows.dialling import Endpoint
from arpanet_ambassador.planes.socket.refusals import Refusals

__all__ = ["Refused"]

log = logging.getLogger(__name__)


class Refused:
    """To be used from one thread. Where the kernel says no, nothing is told, and that is logged.

    :param told: called from another thread, with what has refused somebody on this machine.
    """

    def __init__(self, told: Callable[[frozenset[Endpoint]], object]) -> None:
        self._told = told
        self._refusals: Refusals | None = None
        self._able = True

    def watch(self, wanted: frozenset[Endpoint]) -> None:
        """Tell of these from now on, and of no others."""
        if not self._able:
            return
        try:
            if self._refusals is None and wanted:
                self._refusals = Refusals(self._told)
            if self._refusals:
                self._refusals.watch(wanted)
        except (OSError, ValueError) as problem:
            log.info("of refusals dials tell, since the kernel does not: %s", problem)
            self.close()
            self._able = False

    def close(self) -> None:
        """Tell nothing more."""
        if self._refusals:
            self._refusals.close()
            self._refusals = None
