"""Discovery of plugins by entry point, each loaded on its own.

An entry point in the group ``arpanet.plugins`` names a module or a class; a class is instantiated
once per process. Its attribute ``agents`` says in which agents it runs (default: the registrator);
what can hand out a registry runs in all of them, since none goes without.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution, EntryPoint
from typing import Any

import pluggy

from arpanet import hookspecs
from arpanet.answers import GENERATORS
from arpanet.entrypoints import PLUGINS, installed
from arpanet.errors import PluginError
from arpanet.workers import Mark, unmarked

__all__ = ["BUILTIN", "Loaded", "distribution", "load"]

log = logging.getLogger(__name__)

#: Where a plugin runs that does not say.
DEFAULT_AGENTS = ("registrator",)
#: Says that a plugin runs in every agent, also in those that third parties start.
EVERYWHERE = "*"
#: The distribution whose plugins are the built-ins.
BUILTIN = "arpanet"
#: What a plugin that ``ARPANET_PLUGINS_BLOCKED`` names has for a state.
BLOCKED = "blocked"


@dataclass(frozen=True)
class Loaded:
    """One line of ``arpanet plugins``.

    :ivar error: why it was left out.
    :ivar blocked: it was left out because somebody wants it so.
    :ivar runs: it was registered in this process.
    """

    name: str
    distribution: str
    version: str
    target: str
    agents: tuple[str, ...] = ()
    error: str = ""
    blocked: bool = False
    runs: bool = False

    @property
    def builtin(self) -> bool:
        """Whether it ships with arpanet."""
        return self.distribution == BUILTIN

    @property
    def state(self) -> str:
        """``ok``, ``blocked``, or what is wrong with it."""
        return self.error or (BLOCKED if self.blocked else "ok")


def load(
    agent: str | None = None,
    blocked: Iterable[str] = (),
    points: Iterable[EntryPoint] | None = None,
    left_out: Mapping[str, str] | None = None,
    mark: Mark = unmarked,
) -> tuple[pluggy.PluginManager, list[Loaded]]:
    """Load every plugin, or with *agent* only those that run in it.

    A third party's plugin that cannot be loaded, takes arguments that a hook does not have or
    implements a hook that does not exist is left out, wholly, and its ``Loaded`` says why.

    The built-ins are called first, then the others by name, unless an implementation asks for
    another place (pluggy's ``tryfirst`` and ``trylast``).

    :param blocked: names of plugins not to load.
    :param points: for tests; else what is installed.
    :param left_out: plugin -> why it is not even imported.
    :param mark: entered around each call of a third party's code.
    :raises PluginError: one of the built-ins is broken.
    """
    found = _ordered(installed(PLUGINS) if points is None else points)
    loading = _Loading(agent, set(blocked), left_out or {}, mark)
    loading.reserved = {point.name for point in found if distribution(point)[0] == BUILTIN}
    loaded = [(point, *loading.imported(point)) for point in found]
    for name in sorted(loading.blocked - {point.name for point in found}):
        log.warning("ARPANET_PLUGINS_BLOCKED: there is no plugin %s", name)
    # pluggy calls the last registered first
    report = [loading.registered(*one) for one in reversed(loaded)]
    for one in report:
        if one.error and one.builtin:
            raise PluginError(f"plugin {one.name}: {one.error}", "install arpanet again")
    return loading.manager, sorted(report, key=lambda one: (not one.builtin, one.name))


def distribution(point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of what an entry point comes from."""
    return _name_and_version(point.dist) if point.dist else ("", "")


@cache
def _name_and_version(dist: Distribution) -> tuple[str, str]:
    """Both are read from a file, each time; and a distribution has many entry points."""
    return dist.name, dist.version


def _ordered(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Return the built-ins, the registrator first: it refuses a wrong host; then all by name."""
    by_name = sorted(points, key=lambda point: (point.name, distribution(point)[0]))
    builtin = [point for point in by_name if distribution(point)[0] == BUILTIN]
    return builtin[::-1] + [point for point in by_name if distribution(point)[0] != BUILTIN]


class _Loading:
    """One pass over the entry points: all are imported, then registered."""

    def __init__(
        self, agent: str | None, blocked: set[str], left_out: Mapping[str, str], mark: Mark
    ) -> None:
        self.manager = pluggy.PluginManager("arpanet")
        self.manager.add_hookspecs(hookspecs)
        self.blocked, self.reserved = blocked, set[str]()
        self._agent, self._left_out, self._mark = agent, left_out, mark
        self._declared = {key for key, _, _ in _marked(hookspecs, "arpanet_spec")}
        self._targets: dict[int, str] = {}
        self._names: dict[str, str] = {}

    def imported(self, point: EntryPoint) -> tuple[Loaded, Any]:
        """Import and instantiate; the events that the plugin declares exist from then on."""
        name, version = distribution(point)
        one = Loaded(point.name, name, version, point.value)
        if point.name in self.blocked:
            return replace(one, blocked=True), None
        if point.name in self._left_out:
            return replace(one, error=self._left_out[point.name]), None
        if one.builtin:
            return self._attempt(one, lambda: self._import(point, one))
        with self._mark(point.name, "import"):
            return self._attempt(one, lambda: self._import(point, one))

    def registered(self, point: EntryPoint, one: Loaded, plugin: Any) -> Loaded:
        """Register, and check: wholly or not at all."""
        wanted = self._agent is None or self._agent in one.agents or EVERYWHERE in one.agents
        if plugin is None or not wanted:
            return one
        done, _ = self._attempt(one, lambda: (self._register(point.name, plugin, one), plugin))
        if done.error and self.manager.get_plugin(point.name) is plugin:
            # pluggy leaves a plugin that failed its validation half registered
            self.manager.unregister(name=point.name)
        return done

    def _attempt(self, one: Loaded, action: Callable[[], tuple[Loaded, Any]]) -> tuple[Loaded, Any]:
        try:
            return action()
        except (Exception, SystemExit) as problem:  # a plugin may fail in any way, but alone
            log.debug("plugin %s", one.name, exc_info=problem)
            error = " ".join(f"{type(problem).__name__}: {problem}".split())
            return replace(one, error=error), None

    def _import(self, point: EntryPoint, one: Loaded) -> tuple[Loaded, Any]:
        if point.name in self.reserved and not one.builtin:
            raise PluginError("a built-in plugin has this name")
        if (first := self._names.get(point.name)) is not None:
            raise PluginError(f"the plugin of {first} has this name")
        target = point.load()
        if same := self._targets.get(id(target)):
            raise PluginError(f"{point.value} is loaded already, as plugin {same}")
        self._targets[id(target)] = point.name
        plugin = target() if inspect.isclass(target) else target
        one = replace(one, agents=_agents(plugin))
        _check_functions(plugin)
        self._add_events(point.name, plugin)
        self._names[point.name] = one.distribution
        return one, plugin

    def _add_events(self, name: str, plugin: Any) -> None:
        """Make hooks of what the plugin marked with ``hookspec``: its own events and questions."""
        found: set[str] = set()
        begin = f"arpanet_{name.replace('-', '_')}_"
        for key, function, options in _marked(plugin, "arpanet_spec"):
            if not key.startswith(begin):
                raise PluginError(f"declares {key}, whose name must begin with {begin}")
            if options.get("historic") or key in self._declared:
                raise PluginError(f"declares {key}, which is historic or another's already")
            log.debug("plugin %s declares %s%s", name, key, inspect.signature(function))
            found.add(key)
        if found:
            self.manager.add_hookspecs(plugin)
            self._declared |= found

    def _register(self, name: str, plugin: object, one: Loaded) -> Loaded:
        self.manager.register(plugin, name)
        self.manager.check_pending()
        return replace(one, runs=True)


def _marked(plugin: object, mark: str) -> Iterable[tuple[str, Any, Mapping[str, Any]]]:
    """Yield (name, function, options) of what pluggy's markers left in a plugin."""
    for key in dir(plugin):
        # a property of the class would run code: look without calling
        found = inspect.getattr_static(plugin, key, None)
        options = getattr(getattr(found, "__func__", found), mark, None)
        if isinstance(options, dict):
            yield key, getattr(plugin, key), options


def _check_functions(plugin: object) -> None:
    """Refuse what the bus would call and nothing of it would run."""
    for key, function, options in _marked(plugin, "arpanet_impl"):
        key = options.get("specname") or key
        # the bus calls implementations one by one: there is nothing that a wrapper could wrap
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"{key} is a wrapper, which arpanet does not call")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise PluginError(f"{key} is a coroutine function, which arpanet does not await")
        if inspect.isgeneratorfunction(function) and key not in GENERATORS:
            raise PluginError(f"{key} is a generator function, of which nothing would run")


def _agents(plugin: object) -> tuple[str, ...]:
    if hasattr(getattr(plugin, "arpanet_registry", None), "arpanet_impl"):
        return (EVERYWHERE,)
    agents = getattr(plugin, "agents", DEFAULT_AGENTS)
    if isinstance(agents, str):  # a tuple without its comma, which would name no agent at all
        raise PluginError(f"its 'agents' must be a tuple of names, not {agents!r}")
    found = tuple(agents)
    if not all(isinstance(one, str) for one in found):
        raise PluginError(f"its 'agents' must be a tuple of names, not {found!r}")
    return found
