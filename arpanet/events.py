"""The bus: the only place that calls pluggy.

pluggy stops at the first implementation that raises; the bus calls them one by one, so that a
broken plugin stays alone.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

from arpanet.errors import ArpanetError, PluginError

__all__ = ["EVENTS", "Bus"]

log = logging.getLogger(__name__)

#: event -> hook. An event is announced to all; an extension point is asked with collect or first.
EVENTS = {
    name: "arpanet_" + name.replace(".", "_")
    for name in (
        "install",
        "master.start",
        "master.stop",
        "slave.start",
        "slave.stop",
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

Failed = Callable[[str, str, BaseException], None]


class Bus:
    """Announces events to plugins, and asks them questions.

    :param manager: the loaded plugins.
    :param failed: told (plugin, hook, exception) when an implementation raises; whatever it raises
        in turn ends the call. The default logs and goes on.
    """

    def __init__(self, manager: pluggy.PluginManager, failed: Failed | None = None) -> None:
        self._manager = manager
        self._failed = failed or log_failure
        #: plugin name -> how often one of its implementations raised
        self.failures: Counter[str] = Counter()

    def emit(self, event: str, **payload: Any) -> None:
        """Announce *event*; its hook in :mod:`arpanet.hookspecs` names the *payload*."""
        for _ in self._call(EVENTS[event], payload):
            pass

    def collect(self, hook: str, **payload: Any) -> list[tuple[str, Any]]:
        """Ask everybody: (plugin name, answer) of each implementation that gave one."""
        return [(name, answer) for name, answer in self._call(hook, payload) if answer is not None]

    def first(self, hook: str, **payload: Any) -> Any:
        """Ask until somebody answers: the first result that is not ``None``, else ``None``."""
        return next((answer for _, answer in self._call(hook, payload) if answer is not None), None)

    def _call(self, hook: str, payload: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        spec = caller.spec
        if spec is None or set(spec.argnames) != set(payload):
            raise TypeError(f"{hook} takes {spec and spec.argnames}, not {sorted(payload)}")
        # pluggy keeps the implementations in the reverse of their calling order
        for implementation in reversed(caller.get_hookimpls()):
            name = implementation.plugin_name
            log.debug("%s -> %s", hook, name)
            try:
                answer = implementation.function(*(payload[a] for a in implementation.argnames))
            except FAILURES as problem:
                self.failures[name] += 1
                self._failed(name, hook, problem)
            else:
                yield name, answer


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
        summary = PluginError(f"plugin {plugin}: {hook}: {type(problem).__name__}: {problem}")
        log.error("%s", summary, exc_info=problem if log.isEnabledFor(logging.DEBUG) else None)

    return failed
