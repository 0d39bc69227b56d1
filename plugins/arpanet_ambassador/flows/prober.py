"""Instances that the registry lost and nobody withdrew: do they serve on? They are dialled to see.

Their host's agent may be dead, or etcd wiped, or the network between them cut, while they are well.
Only those that a link here uses are dialled, from a worker.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from arpanet_ambassador.flows.dialling import Endpoint, dialled

__all__ = ["MISSES", "Prober", "judged", "pause"]

log = logging.getLogger(__name__)

#: Seconds between two dials of an address: of one that answers, and of one that is silent.
_ANSWERING, _SILENT = 1.0, 2.0
#: Dials in a row that must fail before an address counts as silent: one SYN may be lost.
MISSES = 2
#: How many addresses a host dials in a second: with more of them, each is dialled less often.
_RATE = 200.0

Dial = Callable[[Collection[Endpoint]], Iterable[tuple[Endpoint, bool]]]


def judged(misses: Mapping[Endpoint, int], answers: Mapping[Endpoint, bool]) -> dict[Endpoint, int]:
    """Return address -> dials in a row that failed, after these *answers*; pure."""
    return {one: 0 if answered else misses.get(one, 0) + 1 for one, answered in answers.items()}


def pause(count: int, silent: bool, chance: float) -> float:
    """Return the seconds until the next round over *count* addresses; pure.

    :param silent: nothing of them answers.
    :param chance: 0 to 1: hosts that lost the same instances at one moment don't dial in step.
    """
    least = _SILENT if silent else _ANSWERING
    return max(least, count / _RATE) * (1 + chance / 2)


class Prober:
    """Dials what is wanted again and again.

    :param changed: called from the thread of this class when :attr:`silent` changed.
    :ivar silent: what does not answer; replaced as a whole.
    """

    def __init__(self, changed: Callable[[], None], dial: Dial = dialled) -> None:
        self._changed, self._dial = changed, dial
        self.silent: frozenset[Endpoint] = frozenset()
        self._misses: dict[Endpoint, int] = {}
        self._news = threading.Condition()
        self._wanted: frozenset[Endpoint] = frozenset()
        self._started = False

    def want(self, addresses: frozenset[Endpoint]) -> None:
        """Keep dialling *addresses*, and forget all others. Returns at once."""
        with self._news:
            fresh = addresses - self._wanted
            self._wanted = addresses
            self.silent &= addresses
            if addresses and not self._started:
                self._started = True
                threading.Thread(target=self._run, name="prober", daemon=True).start()
            if fresh:
                self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._wanted))
                wanted = self._wanted
            began = time.monotonic()
            try:
                self.round(wanted)
            except Exception:
                if threading.main_thread().is_alive():  # else it failed since the process ends
                    log.exception("dialling unconfirmed instances failed")
            silent = wanted <= self.silent
            rest = pause(len(wanted), silent, random.random()) - (time.monotonic() - began)  # noqa: S311
            with self._news:
                self._news.wait_for(partial(self._more_than, wanted), max(rest, 0.1))

    def _more_than(self, wanted: frozenset[Endpoint]) -> bool:
        return bool(self._wanted - wanted)

    def round(self, wanted: frozenset[Endpoint]) -> None:
        """Dial each address once."""
        self._misses = judged(self._misses, dict(self._dial(sorted(wanted))))
        silent = frozenset(one for one, count in self._misses.items() if count >= MISSES)
        with self._news:
            before, self.silent = self.silent, silent & self._wanted
            changed = self.silent != before
        for one in sorted(silent ^ before):
            words = "does not answer" if one in silent else "answers"
            log.info("unconfirmed instance %s:%d %s", *one, words)
        if changed:
            self._changed()
