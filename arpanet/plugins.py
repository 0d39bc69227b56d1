"""Discovery of plugins by entry point, each loaded on its own.

An entry point in the group ``arpanet.plugins`` names a module or a class; a class is instantiated
once per process. Its attribute ``agents`` says in which agents it runs (default: the registrator);
what can hand out a registry runs in all of them, since none goes without.
"""

import inspect
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import pluggy

from arpanet import hookspecs
from arpanet.errors import PluginError

__all__ = ["GROUP", "Loaded", "load"]

log = logging.getLogger(__name__)

GROUP = "arpanet.plugins"
#: Where a plugin runs that does not say.
DEFAULT_AGENTS = ("registrator",)
#: Says that a plugin runs in every agent, also in those that third parties start.
EVERYWHERE = "*"
#: The distribution whose plugins are the built-ins.
BUILTIN = "arpanet"


@dataclass(frozen=True)
class Loaded:
    """One line of ``arpanet plugins``; *error* is empty when it was loaded."""

    name: str
    distribution: str
    version: str
    target: str
    agents: tuple[str, ...] = ()
    error: str = ""

    @property
    def builtin(self) -> bool:
        """Whether it ships with arpanet."""
        return self.distribution == BUILTIN


def load(
    agent: str | None = None,
    blocked: Iterable[str] = (),
    points: Iterable[EntryPoint] | None = None,
) -> tuple[pluggy.PluginManager, list[Loaded]]:
    """Load every plugin, or with *agent* only those that run in it.

    A third party's plugin that cannot be loaded, takes arguments that a hook does not have or
    implements a hook that does not exist is left out, wholly, and its ``Loaded`` says why.

    :param blocked: names of plugins not to load.
    :param points: for tests; else what is installed.
    :raises PluginError: one of the built-ins is broken.
    """
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    report = []
    found = list(entry_points(group=GROUP) if points is None else points)
    reserved = {point.name for point in found if _distribution(point)[0] == BUILTIN}
    # pluggy calls the last registered first, and the built-ins are to go first
    for point in sorted(found, key=lambda p: (_distribution(p)[0] == BUILTIN, p.name)):
        if point.name in blocked:
            continue
        loaded = _load_one(manager, point, agent, reserved)
        if loaded.error and loaded.builtin:
            raise PluginError(f"plugin {point.name}: {loaded.error}", "install arpanet again")
        report.append(loaded)
    return manager, sorted(report, key=lambda one: (not one.builtin, one.name))


def _load_one(
    manager: pluggy.PluginManager, point: EntryPoint, agent: str | None, reserved: set[str]
) -> Loaded:
    distribution, version = _distribution(point)
    agents: tuple[str, ...] = ()
    error = ""
    plugin: object = None
    try:
        if point.name in reserved and distribution != BUILTIN:
            raise PluginError("a built-in plugin has this name")
        plugin = point.load()
        if inspect.isclass(plugin):
            plugin = plugin()
        agents = _agents(plugin)
        if agent is None or agent in agents or EVERYWHERE in agents:
            if manager.register(plugin, point.name) is None:
                raise PluginError("another plugin has this name")
            manager.check_pending()
            _refuse_wrappers(manager, plugin)
    except (
        Exception,
        SystemExit,
    ) as problem:  # a plugin may fail in any way; it must not take the others along
        error = " ".join(f"{type(problem).__name__}: {problem}".split())
        log.debug("plugin %s", point.name, exc_info=problem)
        # pluggy leaves a plugin that failed its validation half registered
        if plugin is not None and manager.is_registered(plugin):
            manager.unregister(plugin)
    return Loaded(point.name, distribution, version, point.value, agents, error)


def _refuse_wrappers(manager: pluggy.PluginManager, plugin: object) -> None:
    """The bus calls implementations one by one: there is nothing that a wrapper could wrap."""
    for caller in manager.get_hookcallers(plugin) or ():
        for one in caller.get_hookimpls():
            if one.plugin is plugin and (one.wrapper or one.hookwrapper):
                raise PluginError(f"{caller.name} is a wrapper, which arpanet does not call")


def _agents(plugin: object) -> tuple[str, ...]:
    if hasattr(getattr(plugin, "arpanet_registry", None), "arpanet_impl"):
        return (EVERYWHERE,)
    agents = getattr(plugin, "agents", DEFAULT_AGENTS)
    if isinstance(agents, str):  # a tuple without its comma, which would name no agent at all
        raise PluginError(f"its 'agents' must be a tuple of names, not {agents!r}")
    return tuple(agents)


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")
