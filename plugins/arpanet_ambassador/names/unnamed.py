"""Names that clients' hosts files were left without: what links dialled by them have to say."""

import threading
import time
from collections.abc import Callable, Collection, Mapping

__all__ = ["Unnamed"]

#: Seconds that a start may take until Docker tells of the container.
_LONGEST = 60.0


class Unnamed:
    """What was last found out of each container, when its names were written.

    :param changed: called, by whom it was learnt from, when :attr:`found` differs.
    :ivar found: container id -> name -> why; replaced as a whole: to be read from any thread.
    """

    def __init__(
        self, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._changed, self._clock = changed, clock
        self._lock = threading.Lock()
        self._learnt: dict[str, float] = {}
        self.found: Mapping[str, Mapping[str, str]] = {}

    def learn(self, container: str, names: Mapping[str, str]) -> None:
        """Take *names* for all that *container* lacks; may be called from any thread."""
        with self._lock:
            before = self.found
            self.found = {key: one for key, one in before.items() if key != container}
            if names:
                self.found = {**self.found, container: names}
                self._learnt[container] = self._clock()
            news = self.found != before
        if news:
            self._changed()

    def forget(self, running: Collection[str]) -> None:
        """Forget those that have not been *running* since they may have started."""
        if self.found.keys() <= set(running):
            return
        with self._lock:
            past = self._clock() - _LONGEST
            self.found = {
                key: one
                for key, one in self.found.items()
                if key in running or self._learnt[key] > past
            }
            self._learnt = {key: self._learnt[key] for key in self.found}
