"""Discovery: what is loaded, in which order, and what is left out."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from arpanet import hookimpl, plugins
from arpanet.errors import PluginError
from arpanet.events import Bus


@pytest.fixture
def point(monkeypatch):
    """Make an entry point of a class or module, of arpanet itself or of somebody else."""

    def make(name, target, distribution="theirs"):
        module = f"plugin_{name}_{distribution}"
        if isinstance(target, ModuleType):
            monkeypatch.setitem(sys.modules, module, target)
            value = module
        elif target is None:
            value = f"{module}_absent:Plugin"
        else:
            monkeypatch.setitem(sys.modules, module, SimpleNamespace(Plugin=target))
            value = f"{module}:Plugin"
        made = EntryPoint(name, value, plugins.GROUP)
        return made._for(SimpleNamespace(name=distribution, version="1.2"))

    return make


class Good:
    @hookimpl
    def arpanet_status(self, context):
        context.append(type(self).__name__)


class Ambassador(Good):
    agents = ("ambassador",)


class Everywhere(Good):
    agents = ("*",)


class Keeper(Ambassador):
    @hookimpl
    def arpanet_registry(self, context): ...


class Mistyped:
    @hookimpl
    def arpanet_stauts(self, context): ...


class WrongArgument:
    @hookimpl
    def arpanet_install(self, role, colour): ...


class Wrapper:
    @hookimpl(wrapper=True)
    def arpanet_status(self, context):
        return (yield)


class Raising:
    def __init__(self):
        raise RuntimeError("cannot\nstart")


class Exiting:
    def __init__(self):
        sys.exit("bye")


class AgentsAsText(Good):
    agents = "registrator"


def order(manager):
    asked = []
    Bus(manager).collect("arpanet_status", context=asked)
    return asked


def test_a_class_is_instantiated_and_a_module_is_taken_as_it_is(point):
    module = ModuleType("theirs")
    module.arpanet_status = hookimpl(lambda context: context.append("module"))
    manager, report = plugins.load(points=[point("class", Good), point("module", module)])
    assert isinstance(manager.get_plugin("class"), Good)
    assert sorted(order(manager)) == ["Good", "module"]
    assert report[0] == plugins.Loaded(
        "class", "theirs", "1.2", "plugin_class_theirs:Plugin", ("registrator",)
    )


def test_builtins_are_called_and_listed_first(point):
    manager, report = plugins.load(
        points=[point("a", Ambassador), point("b", Good, "arpanet"), point("c", Ambassador)]
    )
    assert order(manager) == ["Good", "Ambassador", "Ambassador"]
    assert [(one.name, one.builtin) for one in report] == [("b", True), ("a", False), ("c", False)]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (None, "ModuleNotFoundError: No module named"),
        (Mistyped, "unknown hook 'arpanet_stauts'"),
        (WrongArgument, "colour"),
        (Wrapper, "arpanet_status is a wrapper"),
        (Raising, "RuntimeError: cannot start"),
        (Exiting, "SystemExit: bye"),
        (AgentsAsText, "must be a tuple of names, not 'registrator'"),
    ],
)
def test_a_broken_plugin_is_left_out_wholly(point, target, words):
    manager, report = plugins.load(points=[point("broken", target), point("good", Good)])
    broken, good = report
    assert words in broken.error
    assert "\n" not in broken.error
    assert good.error == ""
    assert manager.list_name_plugin() == [("good", manager.get_plugin("good"))]
    assert order(manager) == ["Good"]


def test_a_broken_builtin_is_an_error(point):
    with pytest.raises(
        PluginError, match=r"plugin etcd: ModuleNotFoundError.*install arpanet again"
    ):
        plugins.load(points=[point("etcd", None, "arpanet")])


def test_a_name_goes_to_the_builtin_and_else_to_one_of_two(point):
    manager, report = plugins.load(
        points=[point("etcd", Ambassador), point("etcd", Good, "arpanet")]
    )
    assert isinstance(manager.get_plugin("etcd"), Good)
    assert [one.error for one in report] == ["", "PluginError: a built-in plugin has this name"]
    _, report = plugins.load(points=[point("x", Good), point("x", Ambassador, "others")])
    assert sorted(bool(one.error) for one in report) == [False, True]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("registrator", ["Everywhere", "Good"]),
        ("ambassador", ["Ambassador", "Everywhere"]),
        ("theirs", ["Everywhere"]),
        (None, ["Ambassador", "Everywhere", "Good"]),
    ],
)
def test_an_agent_gets_its_own(point, agent, expected):
    points = [point("here", Good), point("there", Ambassador), point("all", Everywhere)]
    manager, report = plugins.load(agent, points=points)
    assert sorted(order(manager)) == expected
    assert [one.agents for one in report] == [("*",), ("registrator",), ("ambassador",)]


def test_what_can_hand_out_a_registry_runs_in_every_agent(point):
    for agent in ("registrator", "ambassador", "own"):
        manager, (loaded,) = plugins.load(agent, points=[point("keeper", Keeper)])
        assert loaded.agents == ("*",)
        assert manager.has_plugin("keeper")


def test_blocked_plugins_are_not_even_imported(point):
    manager, report = plugins.load(blocked=["no"], points=[point("no", None), point("yes", Good)])
    assert [one.name for one in report] == ["yes"]
    assert order(manager) == ["Good"]
