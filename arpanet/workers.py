"""A thread for each third party's plugin: slow, hanging or dead, it holds up nobody.

In an agent its events wait in a queue of its own (see :mod:`arpanet.pending`) and whoever announces
them goes on at once. Whoever asks a question waits for the answer: :data:`ANSWER` seconds on the
command line, :data:`AGENTS_ANSWER` in an agent, and not again until the plugin is free; so does a
command for what comes of an event, ``ARPANET_PLUGINS_TIMEOUT`` seconds. A thread can't be ended
from outside: a plugin that hangs is held, which ``arpanet status`` says for as long as it lasts,
and goes on when its call returns.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from arpanet.errors import PluginError
from arpanet.pending import Pending

__all__ = ["AGENTS_ANSWER", "ANSWER", "DEADLINE", "PATIENCE", "Mark", "Worker", "unmarked"]

#: Seconds that an event may take a plugin until it is held to hang.
DEADLINE = 10.0
#: Seconds that whoever asks a question waits for the answer, for a person and in an agent.
ANSWER, AGENTS_ANSWER = 10.0, 2.0
#: Seconds that a command waits for what comes of an event; ``ARPANET_PLUGINS_TIMEOUT`` changes it.
PATIENCE = 60

#: Entered around each call of a third party's code: (plugin, hook).
Mark = Callable[[str, str], AbstractContextManager[None]]
Handle = Callable[[str, Mapping[str, Any]], None]


def unmarked(_plugin: str, _hook: str) -> AbstractContextManager[None]:
    """Mark nothing."""
    return contextlib.nullcontext()


class Worker:
    """The thread of one plugin; begins when there is something to do.

    :param handle: calls the plugin's implementation of an event; raises nothing.
    """

    def __init__(
        self,
        plugin: str,
        handle: Handle,
        mark: Mark = unmarked,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plugin = plugin
        self._handle, self._mark, self._clock = handle, mark, clock
        self._events = Pending()
        self._questions: list[_Question] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._call: tuple[str, float] | None = None
        self._closing = False
        self._late = False

    def tell(self, hook: str, payload: Mapping[str, Any]) -> None:
        """Let the plugin hear of an event, when its turn comes."""
        with self._changed:
            self._events.put(hook, payload)
            self._begin()

    def ask(
        self, hook: str, call: Callable[[], Any], seconds: float = ANSWER, hint: str = ""
    ) -> Any:
        """Return what *call* returns, and raise what it raises.

        :param hint: what can be done about one that does not answer.
        :raises PluginError: the plugin does not answer in time, or hangs already.
        """
        if threading.current_thread() is self._thread:  # it asks everybody, itself included
            return call()
        question = _Question(hook, call)
        with self._changed:
            if self._call and (self._late or self.hangs()):
                raise PluginError(f"not asked: it hangs in {self._call[0]}")
            self._questions.append(question)
            self._begin()
        if not question.done.wait(seconds):
            with self._changed:
                self._late = not question.done.is_set()
                if question in self._questions:
                    self._questions.remove(question)
            raise PluginError(f"no answer within {seconds:g} s", hint)
        if question.problem and not isinstance(question.problem, Exception | SystemExit):
            raise PluginError(f"raised {type(question.problem).__name__}")  # no Ctrl-C of ours
        if question.problem:
            raise question.problem
        return question.answer

    def hangs(self) -> bool:
        """Return whether its present call has taken longer than :data:`DEADLINE`."""
        call = self._call
        return call is not None and self._clock() - call[1] > DEADLINE

    def state(self) -> dict[str, Any]:
        """Return, for ``arpanet status``, what it does and since when (monotonic), what waits."""
        call = self._call
        found: dict[str, Any] = {"waiting": len(self._events), "dropped": self._events.dropped}
        if call:
            found |= {"hook": call[0], "since": call[1]}
        return found

    def close(self, deadline: float) -> bool:
        """Let it work off what waits; return whether it did, by *deadline* (of the clock)."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - self._clock()))
            return not self._thread.is_alive()
        return True

    def _begin(self) -> None:
        self._changed.notify_all()
        if self._thread is None:
            name = f"plugin-{self.plugin}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._questions or self._events or self._closing):
                    self._changed.wait()
                question = self._questions.pop(0) if self._questions else None
                event = None if question else self._events.take()
                if not question and not event:
                    return
                hook = question.name if question else event[0] if event else ""
                self._call = (hook, self._clock())
            try:
                with self._mark(self.plugin, hook):
                    if question:
                        question.run()
                    elif event:
                        self._handle(*event)
            finally:
                self._call, self._late = None, False


class _Question:
    def __init__(self, hook: str, call: Callable[[], Any]) -> None:
        self.name, self._call_it = hook, call
        self.done = threading.Event()
        self.answer: Any = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self._call_it()
        except BaseException as problem:  # whoever asked gets it
            self.problem = problem
        self.done.set()
