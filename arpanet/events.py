"""The bus: the only place that calls pluggy.

pluggy stops at the first implementation that raises; the bus calls them one by one, so that a
broken plugin stays alone. The built-ins are called on the thread that announces; a third party's
plugin has a thread of its own (see :mod:`arpanet.workers`). An agent goes on at once when it has
announced an event; a command waits for what comes of it, as for answers, and not for ever.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pluggy

from arpanet import hookspecs
from arpanet.answers import checked
from arpanet.errors import ArpanetError, PluginError
from arpanet.workers import AGENTS_ANSWER, ANSWER, PATIENCE, Mark, Worker, unmarked

__all__ = ["EVENTS", "TRACE", "Bus", "Failure"]

log = logging.getLogger(__name__)
#: Says, at the level DEBUG, each call of a hook: of which plugin, how long, what came of it.
TRACE = logging.getLogger("arpanet.trace")

#: event -> hook. An event is announced to all; an extension point is asked with collect or first.
EVENTS = {
    name: "arpanet_" + name.replace(".", "_")
    for name in (
        "install",
        "host.join",
        "master.start",
        "master.stop",
        "slave.start",
        "slave.stop",
        "agent.start",
        "agent.tick",
        "agent.stop",
        "container.register",
        "container.deregister",
        "containers.synced",
        "services.changed",
        "links.changed",
        "backends.changed",
        "settings.changed",
    )
}

#: What an implementation may raise without ending the rest: a plugin may also call sys.exit().
FAILURES = (Exception, SystemExit)

#: What whoever waited for an event's hook in vain can do.
LONGER = "the rest goes on without it; ARPANET_PLUGINS_TIMEOUT gives it longer"

Failed = Callable[[str, str, BaseException], None]
#: Has a function called on the agent's deciding thread, soon.
Post = Callable[[Callable[[], None]], None]


@dataclass(frozen=True)
class Failure:
    """What a plugin's implementations raised: how often, and the last one.

    :ivar place: the hook.
    :ivar at: when the last one was, on the monotonic clock.
    :ivar over: the hook asks a question, which was answered since. What was raised at an event is
        never over by itself: the next event is of something else.
    """

    count: int
    place: str
    words: str
    at: float
    over: bool = False


class Bus:
    """Announces events to plugins, and asks them questions.

    :param manager: the loaded plugins.
    :param failed: told (plugin, hook, exception) when an implementation raises; whatever it raises
        in turn ends the call. The default logs and goes on.
    :param strangers: the plugins that get a thread of their own.
    :param mark: entered around each call of a stranger on its thread.
    :param waiting: entered around each wait for a stranger, on the thread that waits.
    :ivar patience: seconds that a command waits for a stranger's hook of an event.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        failed: Failed | None = None,
        strangers: Collection[str] = (),
        mark: Mark = unmarked,
        waiting: Mark = unmarked,
    ) -> None:
        self.patience: float = PATIENCE
        self._waiting = waiting
        self._manager = manager
        self._failed = failed or log_failure
        self._workers = {name: Worker(name, partial(self._hear, name), mark) for name in strangers}
        self._thread = threading.current_thread()
        self._post: Post | None = None
        self._beat: Callable[[], None] = lambda: None
        #: plugin name -> what its implementations raised
        self.failures: dict[str, Failure] = {}

    def decide(self, post: Post, beat: Callable[[], None]) -> None:
        """Be an agent's: this thread decides, and strangers' events wait in their queues.

        :param post: for events that another thread announces.
        :param beat: called around each call on this thread: it is not stuck.
        """
        self._thread = threading.current_thread()
        self._post, self._beat = post, beat

    def emit(self, event: str, **payload: Any) -> None:
        """Announce *event*; its hook in :mod:`arpanet.hookspecs` names the *payload*."""
        caller = self._caller(self._hook_of(event), payload)
        if self._post and threading.current_thread() is not self._thread:
            self._post(partial(self._announce, caller, payload))
        else:
            self._announce(caller, payload)

    def collect(self, hook: str, **payload: Any) -> list[tuple[str, Any]]:
        """Ask everybody: (plugin name, answer) of each implementation that gave one."""
        return list(self._ask(hook, payload))

    def demand(self, hook: str, **payload: Any) -> list[tuple[str, Any]]:
        """Ask everybody, as :meth:`collect` does, and raise the first of what they raised.

        For who must not take a failure for an answer: an agent's bus only tells of it, and goes on.
        """
        problems: list[BaseException] = []
        found = list(self._ask(hook, payload, problems.append))
        if problems:
            raise problems[0]
        return found

    def first(self, hook: str, **payload: Any) -> Any:
        """Ask until somebody answers: the first result that is not ``None``, else ``None``."""
        return next((answer for _, answer in self._ask(hook, payload)), None)

    def heard(self, event: str) -> bool:
        """Return whether any plugin of this process listens to *event*."""
        return bool(getattr(self._manager.hook, self._hook_of(event)).get_hookimpls())

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what each stranger does (see :meth:`arpanet.workers.Worker.state`)."""
        return {name: worker.state() for name, worker in self._workers.items()}

    def hanging(self) -> list[str]:
        """Return the strangers whose call takes too long."""
        return [name for name, worker in self._workers.items() if worker.hangs()]

    def close(self, seconds: float) -> list[str]:
        """Let strangers work off what waits; return those that did not within *seconds*."""
        deadline = time.monotonic() + seconds
        return [name for name, worker in self._workers.items() if not worker.close(deadline)]

    # -- what is called --------------------------------------------------------------------------

    def _hook_of(self, event: str) -> str:
        """Return the hook of *event*: one of arpanet's, or one that a plugin declared."""
        hook = "arpanet_" + event.replace(".", "_")
        if event in EVENTS:
            return hook
        caller = getattr(self._manager.hook, hook, None)
        if "." in event and caller and caller.spec and caller.spec.namespace is not hookspecs:
            return hook
        raise KeyError(event)

    def _caller(self, hook: str, payload: Mapping[str, Any]) -> pluggy.HookCaller:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        spec = caller.spec
        if spec is None or set(spec.argnames) != set(payload):
            raise TypeError(f"{hook} takes {spec and spec.argnames}, not {sorted(payload)}")
        return caller

    def _announce(self, caller: pluggy.HookCaller, payload: Mapping[str, Any]) -> None:
        # pluggy keeps the implementations in the reverse of their calling order
        for one in reversed(caller.get_hookimpls()):
            worker = self._workers.get(one.plugin_name)
            if worker and self._post:
                worker.tell(caller.name, payload)
                continue
            call = partial(_call, caller, one, payload)
            if worker:
                call = partial(self._wait_for, worker, caller.name, call, self.patience, LONGER)
            self._beat()
            self._guarded(one.plugin_name, caller.name, call)
        self._beat()

    def _wait_for(
        self, worker: Worker, hook: str, call: Callable[[], Any], seconds: float, hint: str = ""
    ) -> Any:
        with self._waiting(worker.plugin, hook):
            return worker.ask(hook, call, seconds, hint)

    def _hear(self, plugin: str, hook: str, payload: Mapping[str, Any]) -> None:
        """Call a stranger's implementation, on its own thread."""
        caller = getattr(self._manager.hook, hook)
        for one in caller.get_hookimpls():
            if one.plugin_name == plugin:
                self._guarded(plugin, hook, partial(_call, caller, one, payload), BaseException)

    def _ask(
        self,
        hook: str,
        payload: Mapping[str, Any],
        told: Callable[[BaseException], None] = lambda problem: None,
    ) -> Iterator[tuple[str, Any]]:
        """Yield plugin name and answer of each implementation that gives one."""
        caller = self._caller(hook, payload)
        for one in reversed(caller.get_hookimpls()):
            call = partial(_call, caller, one, payload)
            if worker := self._workers.get(one.plugin_name):
                seconds = AGENTS_ANSWER if self._post else ANSWER
                call = partial(self._wait_for, worker, hook, call, seconds)
            failed = self._failed_in(one.plugin_name, hook)
            answer = self._guarded(one.plugin_name, hook, call, told=told)
            if failed and self.failures[one.plugin_name] is failed:
                self.failures[one.plugin_name] = replace(failed, over=True)
            if answer is not None:
                yield one.plugin_name, answer

    def _failed_in(self, plugin: str, hook: str) -> Failure | None:
        """Return the last failure of a plugin, if it was in *hook*."""
        failure = self.failures.get(plugin)
        return failure if failure and failure.place == hook else None

    def _guarded(
        self,
        plugin: str,
        hook: str,
        call: Callable[[], Any],
        failures: type[BaseException] | tuple[type[BaseException], ...] = FAILURES,
        told: Callable[[BaseException], None] = lambda problem: None,
    ) -> Any:
        began = time.monotonic()
        try:
            answer = call()
        except failures as problem:
            now = time.monotonic()
            before = self.failures.get(plugin)
            words = " ".join(f"{type(problem).__name__}: {problem}".split())[:500]
            self.failures[plugin] = Failure(before.count + 1 if before else 1, hook, words, now)
            TRACE.debug("%s -> %s: %s", hook, plugin, words)
            self._failed(plugin, hook, problem)
            told(problem)
            return None
        if TRACE.isEnabledFor(logging.DEBUG):
            milliseconds = 1000 * (time.monotonic() - began)
            TRACE.debug("%s -> %s: %.1f ms, %s", hook, plugin, milliseconds, _shape(answer))
        return answer


def _call(caller: pluggy.HookCaller, one: pluggy.HookImpl, payload: Mapping[str, Any]) -> Any:
    answer = one.function(*(payload[name] for name in one.argnames))
    return checked(caller.name, answer)


def _shape(answer: Any) -> str:
    """Return what an answer is like; its content may be secret, or long."""
    if answer is None:
        return "no answer"
    return f"{len(answer)} records" if isinstance(answer, tuple) else type(answer).__name__


def log_failure(plugin: str, hook: str, problem: BaseException) -> None:
    """For agents: one line for an error that speaks for itself, a traceback for any other."""
    if isinstance(problem, ArpanetError):
        log.error("plugin %s: %s: %s", plugin, hook, problem)
    else:
        log.error("plugin %s: %s", plugin, hook, exc_info=problem)


def raise_failure(builtin: frozenset[str]) -> Failed:
    """For the command line: a built-in's failure ends the command, anybody else's is reported."""

    def failed(plugin: str, hook: str, problem: BaseException) -> None:
        if plugin in builtin:
            raise problem
        words = str(problem)
        if not isinstance(problem, PluginError):
            words = f"{type(problem).__name__}: {words}"
        debug = log.isEnabledFor(logging.DEBUG)
        log.error("plugin %s: %s: %s", plugin, hook, words, exc_info=problem if debug else None)

    return failed
