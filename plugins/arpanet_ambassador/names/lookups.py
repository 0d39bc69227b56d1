"""What links need to be asked of others: asked again and again, in threads of their own.

The last good answer stays when one is not to be had: a link is not to break because DNS, or what a
plugin asks, did.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping

from arpanet_ambassador.links.resolve import Answer, Answers, Question

__all__ = ["Ask", "Lookups"]

log = logging.getLogger(__name__)

#: Seconds between two rounds.
AGAIN = 15.0

#: Answers all questions; within some time, but not at once.
Ask = Callable[[Collection[Question]], Mapping[Question, Answer]]


class Lookups:
    """The questions that links have now for one source, and what it last said of them.

    :param source: what it is called in the log, and by its thread.
    :param changed: called from the thread of this class when an answer differs from the last one.
    """

    def __init__(self, source: str, ask: Ask, changed: Callable[[], None]) -> None:
        self._source, self._ask, self._changed = source, ask, changed
        self._wanted: frozenset[Question] = frozenset()
        self._asked: frozenset[Question] = frozenset()
        self._news = threading.Condition()
        self._started = False
        #: replaced as a whole, so it can be read from any thread
        self.answers: Answers = {}

    def want(self, questions: frozenset[Question]) -> None:
        """Keep answers of *questions* fresh, and forget all others. Returns at once."""
        with self._news:
            self._wanted = questions
            if questions and not self._started:
                self._started = True
                threading.Thread(target=self._run, name=self._source, daemon=True).start()
            if questions - self._asked:
                self._news.notify()

    def again(self) -> None:
        """Ask everything anew soon. Returns at once; may be called from any thread."""
        with self._news:
            self._asked = frozenset()
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._wanted - self._asked), AGAIN)
                self._asked = wanted = self._wanted
            try:
                self.round(wanted)
            except Exception:  # whatever it is, the next round may find it gone
                log.exception("%s: no answers", self._source)

    def round(self, questions: frozenset[Question]) -> None:
        """Ask all of *questions* once."""
        fresh = self._ask(questions)
        before = self.answers
        self.answers = {
            one: before[one]
            if isinstance(answer, str) and not isinstance(before.get(one, ""), str)
            else answer
            for one, answer in fresh.items()
        }
        if self.answers != before:
            log.info("%s: %s", self._source, self.answers)
            self._changed()
