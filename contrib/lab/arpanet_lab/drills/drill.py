"""What a drill is, what became of one, and whether its promise held: nothing is done here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from arpanet_lab.drills.site import Site
from arpanet_lab.load.load import Figures

__all__ = ["NEVER", "Drill", "Outcome", "Promise", "breaches"]

#: Seconds, where nobody can hear of it.
NEVER = float("inf")
#: Seconds that Docker may take to note that a container has stopped.
_NOTICED = 1.0


@dataclass(frozen=True)
class Promise:
    """What an accident may cost; without more words: nothing.

    :ivar apart: hosts that the accident separates from the others: what crosses may break.
    :ivar found: seconds from the first that fails on until new connections avoid what they can't
        reach; 0: all can be reached.
    :ivar avoided: seconds until hosts avoid what stops meanwhile, since they hear of it;
        :data:`NEVER` also where nothing stops meanwhile.
    :ivar share: of the new connections, how many may fail.
    """

    apart: frozenset[str] = frozenset()
    found: float = 0.0
    avoided: float = 1.0
    share: float = 0.0


@dataclass(frozen=True)
class Drill:
    """An accident, and what is promised about it.

    :ivar what: one line for a person.
    :ivar short: seconds that it lasts in a rehearsal.
    :ivar full: seconds that it lasts.
    :ivar accident: begins it and, after the block, ends it, which is all that anybody does.
    :ivar moves: an instance of the second service is killed meanwhile, and started elsewhere.
    """

    name: str
    what: str
    short: float
    full: float
    accident: Callable[[Site], AbstractContextManager[None]]
    promise: Promise = Promise()
    moves: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a drill cost. Times are seconds since the epoch, of the load's own clock.

    :ivar began: when the accident began.
    :ivar clients: those of the service whose instances live on, by host and link form.
    :ivar mover: of the service of which an instance stops here and begins there.
    :ivar stops: when one of those stopped.
    :ivar healed: seconds from the accident's end until all hosts were as before.
    :ivar by_hand: what somebody had to do for that.
    :ivar lost: ids of instances that ran all the time, and that the registry has no more.
    """

    drill: Drill
    began: float
    clients: Mapping[tuple[str, str], Figures]
    mover: Figures
    stops: Sequence[float]
    healed: float
    by_hand: Sequence[str]
    lost: Sequence[str] = ()

    @property
    def dialled(self) -> int:
        """New connections of all clients."""
        return sum(one.dialled for one in self.clients.values())

    @property
    def failed(self) -> int:
        """Those that got no answer."""
        return sum(len(one.failed) for one in self.clients.values())

    @property
    def first(self) -> float:
        """When the first of those was begun; infinity: there is none."""
        began = (when for one in self.clients.values() for when, _, _ in one.failed)
        return min(began, default=float("inf"))

    @property
    def outage(self) -> float:
        """Seconds from the first to the last failure, of the client for which that was longest."""
        return max(one.outage for one in self.clients.values())

    @property
    def held(self) -> int:
        """Held connections of all clients."""
        return sum(one.held for one in self.clients.values())

    @property
    def broken(self) -> int:
        """Held connections that ended."""
        return sum(len(one.broken) for one in self.clients.values())

    @property
    def avoided(self) -> float:
        """Seconds after a stop in which connections were still begun to what had stopped."""
        late = 0.0
        for when, _, _ in self.mover.failed:
            before = [stop for stop in self.stops if stop - _NOTICED <= when]
            late = max(late, when - max(before, default=self.began))
        return late


def breaches(outcome: Outcome, patience: float = 1.0) -> list[str]:
    """Return what of the promise did not hold, in words.

    :param patience: how many times longer than on an idle machine things may take.
    """
    promise = outcome.drill.promise
    found = []
    for (host, form), figures in outcome.clients.items():
        until = outcome.first + promise.found * patience
        late = [one for one in figures.failed if one[0] > until or not promise.found]
        cut = [b for b in figures.broken if (b[2] in promise.apart) == (host in promise.apart)]
        if len(late) > promise.share * figures.dialled or cut:
            found.append(f"{form} on {host}: {figures}")
    if outcome.avoided > promise.avoided * patience:
        found.append(f"what stopped was dialled for another {outcome.avoided:.1f} s")
    found += [f"{one} is registered no more" for one in outcome.lost]
    return found + [f"by hand: {one}" for one in outcome.by_hand]
