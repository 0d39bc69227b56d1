"""What a supervisor makes of the deaths of its agent: how soon the next one, without whom; pure."""

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["WINDOW", "Death", "History", "how"]

#: Seconds before a successor: at first, at most, and at most where none has even begun to work.
FIRST, LONGEST, BROKEN = 0.05, 0.5, 10.0
#: Seconds of life after which a death begins a new row.
STEADY = 30.0
#: Seconds that a death counts.
WINDOW = 600.0
#: In how many deaths a plugin must have been in a call until it is left out.
SUSPECT = 3
#: Seconds without a move of the deciding thread until an agent is ended; doubles for each in a row,
#: since a host may be that slow, and to be ended again and again would be worse.
PATIENCE, MOST_PATIENCE = 30, 240
#: Signals that come from outside, so that no plugin is to blame.
OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True)
class Death:
    """An agent's end.

    :ivar at: when, in seconds of any clock that goes on.
    :ivar lived: for how many seconds.
    :ivar code: its exit code, or minus the number of the signal.
    :ivar began: its deciding thread had moved.
    :ivar stuck: it was ended because that thread did not move any more.
    :ivar calls: (plugin, hook) that had begun and not ended.
    """

    at: float
    lived: float
    code: int
    began: bool
    stuck: bool = False
    calls: Sequence[tuple[str, str]] = ()

    @property
    def suspects(self) -> Sequence[tuple[str, str]]:
        """Return whose calls may be the reason; nobody's when the signal came from outside."""
        return self.calls if self.stuck or -self.code not in OUTSIDE else ()


class History:
    """The deaths of one container's agents.

    :ivar left_out: plugin -> why.
    :ivar pause: seconds until the next agent is to be started.
    :ivar patience: seconds that its deciding thread may stand still.
    """

    def __init__(self) -> None:
        self._deaths: list[Death] = []
        self._row = 0
        self.left_out: dict[str, str] = {}
        self.pause = FIRST
        self.patience = PATIENCE

    def add(self, death: Death) -> None:
        """Learn from *death*."""
        recent = [one for one in self._deaths if death.at - one.at < WINDOW]
        self._deaths = [*recent, death]
        self._row = 1 if death.lived >= STEADY and not death.stuck else self._row + 1
        longest = LONGEST if death.began else BROKEN
        self.pause = min(FIRST * 2 ** min(self._row - 1, 20), longest)
        slow = death.stuck and death.began
        self.patience = min(2 * self.patience, MOST_PATIENCE) if slow else PATIENCE
        deaths = Counter(plugin for one in self._deaths for plugin in dict(one.suspects))
        for plugin, hook in death.suspects:
            if deaths[plugin] >= SUSPECT:
                self.left_out[plugin] = (
                    f"left out: the agent ended {deaths[plugin]} times while it was in {hook}; "
                    "mend the plugin, then restart this container"
                )

    def recent(self, now: float) -> tuple[int, str]:
        """Return how many deaths count, and how the last of them was."""
        found = [one for one in self._deaths if now - one.at < WINDOW]
        return len(found), how(found[-1]) if found else ""


def how(death: Death) -> str:
    """Return how the agent ended, in words, and who was in a call."""
    if death.stuck:
        words = "it was stuck and was ended"
    elif death.code < 0:
        words = f"killed by {signal.Signals(-death.code).name}"
    else:
        words = f"exit code {death.code}"
    calls = ", ".join(f"{plugin} in {hook}" for plugin, hook in death.suspects)
    return f"{words}, plugin {calls}" if calls else words
