"""Instances that links here use: do they answer? They are dialled to see.

Those that the registry lost and nobody withdrew (unconfirmed) may be well: their host's agent may
be dead, or etcd wiped, or the network between them cut. Those that it has may be gone: their host
may have lost its power just now. Only what a link here uses is dialled, from a worker; and nothing
of which connections tell whether it is there: two that hang are as good as two dials that failed,
and after one that was refused, one such dial is enough, and made at once.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import islice

from arpanet import Snapshot
from arpanet_ambassador.flows.dialling import Endpoint, dialled
from arpanet_ambassador.flows.living import Signs

__all__ = ["MISSES", "PATIENCE", "SECOND", "Prober", "dialling", "judged", "pause"]

log = logging.getLogger(__name__)

#: Seconds between two dials of an address: of one that answers, and of one that is silent.
_ANSWERING, _SILENT = 1.0, 2.0
#: By how much, in parts, it is longer by chance: hosts don't dial in step.
_JITTER = 0.15
#: Seconds that an answer may take, and from a dial that failed to the next. With them, and two
#: misses, what does not answer is out within 3 seconds.
PATIENCE, SECOND = 0.7, 0.2
#: Dials in a row that must fail before an address counts as silent: one SYN may be lost.
MISSES = 2
#: Seconds after which what the registry lost, and does not answer, is gone: a network that is away
#: for less breaks no connection.
GONE = 15.0
#: How many addresses a host dials in a second, and how often in a second an instance is dialled by
#: all hosts of the cluster together: with more of them, each is dialled less often.
_RATE, _BOUND = 200.0, 500.0

#: Seconds for which connections that hang tell nothing of what was silent by them alone, and
#: answered when it was dialled: something is between it and one client.
_DISTRUST = 60.0

Dial = Callable[[Collection[Endpoint]], Iterable[tuple[Endpoint, bool]]]
#: What connections tell of these addresses.
Living = Callable[[frozenset[Endpoint]], Signs]


def _dialled(addresses: Collection[Endpoint]) -> Iterable[tuple[Endpoint, bool]]:
    return dialled(addresses, PATIENCE)


def judged(misses: Mapping[Endpoint, int], answers: Mapping[Endpoint, bool]) -> dict[Endpoint, int]:
    """Return address -> dials in a row that failed, after these *answers*; pure."""
    return {one: 0 if answered else misses.get(one, 0) + 1 for one, answered in answers.items()}


def pause(count: int, silent: bool, chance: float, hosts: int = 1) -> float:
    """Return the seconds until the next round over *count* addresses; pure.

    :param silent: nothing of them answers.
    :param chance: 0 to 1: hosts that lost the same instances at one moment don't dial in step.
    :param hosts: how many there are in the cluster: each may dial the same instances.
    """
    least = _SILENT if silent else _ANSWERING
    return max(least, count / _RATE, hosts / _BOUND) * (1 + chance * _JITTER)


def dialling(snapshot: Snapshot, before: int) -> int:
    """Return how many hosts may dial: those that are there, and that vanished with a store; pure.

    :param before: how many there were; those that vanished are looked for where there are fewer.
    """
    found = len(snapshot.hosts)
    if found >= before:
        return found
    lost = {one.host for one in snapshot.instances.values() if one.unconfirmed}
    return len(lost.union(snapshot.hosts))


class Prober:
    """Dials what is wanted again and again.

    :param changed: called from the thread of this class when one of these changed:
    :param living: asked, in that thread, before each round.
    :ivar silent: what does not answer; replaced as a whole.
    :ivar gone: what of it the registry lost, and has been silent for :data:`GONE` seconds.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        living: Living = lambda _: Signs(),
        dial: Dial = _dialled,
    ) -> None:
        self._changed, self._living, self._dial = changed, living, dial
        self.silent: frozenset[Endpoint] = frozenset()
        self.gone: frozenset[Endpoint] = frozenset()
        self._since: dict[Endpoint, float] = {}
        self._misses: dict[Endpoint, int] = {}
        #: when it last said a thing; and whose misses are connections that hang
        self._heard: dict[Endpoint, float] = {}
        self._hung: frozenset[Endpoint] = frozenset()
        #: what has answered since it is wanted
        self._answered: frozenset[Endpoint] = frozenset()
        #: what has refused somebody and is yet to be dialled for it; and all since the last round
        self._refused: frozenset[Endpoint] = frozenset()
        self._refusals: frozenset[Endpoint] = frozenset()
        self._news = threading.Condition()
        self._wanted: frozenset[Endpoint] = frozenset()
        self._doubtful: frozenset[Endpoint] = frozenset()
        self._hosts = 1
        self._started = False

    def want(
        self, confirmed: frozenset[Endpoint], doubtful: frozenset[Endpoint], hosts: int = 1
    ) -> None:
        """Keep dialling these addresses, and forget all others. Returns at once.

        :param confirmed: none of them is silent before it has answered here once: it may be
            for others to reach, by a network that only containers are in.
        :param hosts: how many the cluster has.
        """
        with self._news:
            fresh = (confirmed | doubtful) - self._wanted
            self._wanted, self._doubtful, self._hosts = confirmed | doubtful, doubtful, hosts
            self._answered &= self._wanted
            self.silent &= self._wanted
            self.gone &= doubtful
            if self._wanted and not self._started:
                self._started = True
                threading.Thread(target=self._run, name="prober", daemon=True).start()
            if fresh:
                self._news.notify()

    def refused(self, ones: Collection[Endpoint]) -> None:
        """Dial these at once: each has refused somebody. May be called from any thread.

        Returns at once. Between two rounds each is dialled once for this, however often it is told
        of; and no more of them than in a second of rounds.
        """
        with self._news:
            able = (self._wanted & (self._answered | self._doubtful)) - self.silent
            room = max(0, int(_RATE) - len(self._refusals))
            fresh = frozenset(islice(able.intersection(ones) - self._refusals, room))
            if fresh:
                self._refused |= fresh
                self._refusals |= fresh
                self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._wanted))
                wanted, hosts = self._wanted, self._hosts
                self._refusals = self._refused
            began = time.monotonic()
            self._try(partial(self.round, wanted))
            rest = pause(len(wanted), wanted <= self.silent, random.random(), hosts)  # noqa: S311
            self._rest(wanted, max(began + rest, time.monotonic() + 0.1))

    def _rest(self, wanted: frozenset[Endpoint], until: float) -> None:
        """Wait for the next round; meanwhile, dial what refuses somebody."""
        while True:
            with self._news:
                news = partial(self._more_than, wanted)
                if not self._news.wait_for(news, max(until - time.monotonic(), 0.0)):
                    return
                refused, self._refused = self._refused & self._wanted, frozenset()
            if not refused:
                return
            self._try(partial(self.look, refused))

    def _more_than(self, wanted: frozenset[Endpoint]) -> bool:
        return bool(self._wanted - wanted or self._refused)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            if threading.main_thread().is_alive():  # else it failed since the process ends
                log.exception("dialling instances failed")

    def look(self, refused: frozenset[Endpoint]) -> None:
        """See to what refused somebody: that was one failure, and a dial of it may be the next."""
        self._misses |= judged(dict.fromkeys(refused, 1), self._dialled(refused))
        self._judge()

    def round(self, wanted: frozenset[Endpoint]) -> None:
        """See to each address once; to what fails for the first time, soon once more."""
        signs, now = self._living(wanted), time.monotonic()
        # what is silent is dialled: who has a connection to it may be served while others are not
        able = wanted - self.silent
        there = {one: now - ago for one, ago in signs.there.items() if one in able}
        self._heard |= {one: max(at, self._heard.get(one, at)) for one, at in there.items()}
        hung = self._hanging(signs, wanted - there.keys(), now)
        answers = dict.fromkeys(there, True) | self._dialled(wanted - there.keys() - hung.keys())
        self._misses = judged(self._misses, answers) | hung
        well = {one for one, answered in answers.items() if answered}
        self._hung = wanted & ((self._hung - well) | hung.keys())
        if doubts := [one for one, count in self._misses.items() if 0 < count < MISSES]:
            time.sleep(SECOND)
            self._misses |= judged(self._misses, self._dialled(doubts))
        self._heard = {one: at for one, at in self._heard.items() if one in wanted}
        self._judge()

    def _dialled(self, wanted: Iterable[Endpoint]) -> dict[Endpoint, bool]:
        answers = dict(self._dial(sorted(wanted)))
        for one in (one for one, answered in answers.items() if answered):
            distrust = _DISTRUST if one in self._hung & self.silent else 0.0
            self._heard[one] = max(time.monotonic() + distrust, self._heard.get(one, 0.0))
        return answers

    def _hanging(
        self, signs: Signs, wanted: frozenset[Endpoint], now: float
    ) -> dict[Endpoint, int]:
        """Return address -> misses in a row, with the connections that hang since it was heard.

        Not of what is silent already: those that hang from before would hide that it is back. Nor
        of what never answered here: that is not judged by a dial, either.
        """
        found = {}
        able = (self._answered | self._doubtful) - self.silent
        for one in wanted.intersection(signs.hanging, able):
            since = self._heard.get(one, float("-inf"))
            if count := sum(now - ago > since for ago in signs.hanging[one]):
                found[one] = self._misses.get(one, 0) + count
        return found

    def _judge(self) -> None:
        now = time.monotonic()
        with self._news:
            self._answered |= {one for one, count in self._misses.items() if not count}
            counts = self._answered | self._doubtful
            silent = {one for one, count in self._misses.items() if count >= MISSES}
            before, self.silent = self.silent, frozenset(silent & self._wanted & counts)
            gone = self.gone
            self._since = {one: self._since.get(one, now) for one in self.silent}
            self.gone = self._doubtful.intersection(
                one for one, since in self._since.items() if now - since >= GONE
            )
        for one in sorted(self.silent ^ before):
            words = "does not answer" if one in self.silent else "answers"
            log.info("instance %s:%d %s", *one, words)
        if (self.silent, self.gone) != (before, gone):
            self._changed()
