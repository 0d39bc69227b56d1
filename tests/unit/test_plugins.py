"""Discovery: what is loaded, in which order, and what is left out."""

import sys
from collections import namedtuple
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from arpanet import hookimpl, hookspec, plugins
from arpanet.entrypoints import PLUGINS
from arpanet.errors import PluginError
from arpanet.events import Bus

Distribution = namedtuple("Distribution", "name version")


@pytest.fixture
def point(monkeypatch):
    """Make an entry point of a class or module, of arpanet itself or of somebody else."""

    def make(name, target, distribution="theirs"):
        module = f"plugin_{name}_{distribution}".replace("-", "_")
        if isinstance(target, ModuleType):
            monkeypatch.setitem(sys.modules, module, target)
            value = module
        elif target is None:
            value = f"{module}_absent:Plugin"
        else:
            monkeypatch.setitem(sys.modules, module, SimpleNamespace(Plugin=target))
            value = f"{module}:Plugin"
        made = EntryPoint(name, value, PLUGINS)
        return made._for(Distribution(distribution, "1.2"))

    return make


class Good:
    @hookimpl
    def arpanet_status(self, context):
        context.append(type(self).__name__)


class Ambassador(Good):
    agents = ("ambassador",)


class Everywhere(Good):
    agents = ("*",)


class Later(Good): ...


class First(Good):
    @hookimpl(tryfirst=True)
    def arpanet_status(self, context):
        context.append("First")


class Coroutine:
    @hookimpl
    async def arpanet_container_register(self, container): ...


class Generator:
    @hookimpl
    def arpanet_containers_synced(self, containers):
        yield


class GeneratorAnswer:
    @hookimpl
    def arpanet_status(self, context):
        yield from ()


class ForeignEvent:
    @hookspec
    def arpanet_status_changed(self): ...


class TakenEvent:
    @hookspec
    def arpanet_broken_twice(self): ...

    @hookspec(historic=True)
    def arpanet_broken_old(self): ...


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
    assert order(manager) == ["Good", "module"]
    assert report[0] == plugins.Loaded(
        "class", "theirs", "1.2", "plugin_class_theirs:Plugin", ("registrator",), runs=True
    )


def test_builtins_are_called_and_listed_first(point):
    manager, report = plugins.load(
        points=[point("c", Later), point("b", Good, "arpanet"), point("a", Ambassador)]
    )
    assert order(manager) == ["Good", "Ambassador", "Later"]
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
        (Coroutine, "arpanet_container_register is a coroutine function"),
        (Generator, "arpanet_containers_synced is a generator function, of which nothing"),
        (ForeignEvent, "declares arpanet_status_changed, whose name must begin with arpanet_bro"),
        (TakenEvent, "declares arpanet_broken_old, which is historic"),
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
    manager, report = plugins.load(points=[point("x", Good), point("x", Ambassador, "others")])
    assert {one.distribution: one.error for one in report} == {
        "others": "",
        "theirs": "PluginError: the plugin of others has this name",
    }
    assert isinstance(manager.get_plugin("x"), Ambassador)


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


def test_blocked_plugins_are_not_even_imported(point, caplog):
    manager, report = plugins.load(
        blocked=["no", "typo"], points=[point("no", None), point("yes", Good)]
    )
    assert {one.name: one.state for one in report} == {"no": "blocked", "yes": "ok"}
    assert order(manager) == ["Good"]
    assert caplog.messages == ["ARPANET_PLUGINS_BLOCKED: there is no plugin typo"]


def test_a_builtin_can_be_blocked_and_its_name_is_not_free(point):
    manager, report = plugins.load(
        blocked=["etcd"], points=[point("etcd", Good, "arpanet"), point("etcd", Ambassador)]
    )
    assert [one.state for one in report] == ["blocked", "blocked"]
    assert manager.list_name_plugin() == []


def test_one_that_the_supervisor_left_out_is_not_even_imported(point):
    _, report = plugins.load(left_out={"no": "it exits"}, points=[point("no", None)])
    assert [one.state for one in report] == ["it exits"]


@pytest.mark.parametrize("kind", ["class", "module"])
def test_of_two_entry_points_to_one_thing_the_first_keeps_it(point, kind):
    target = Good
    if kind == "module":
        target = ModuleType("theirs")
        target.arpanet_status = hookimpl(lambda context: context.append("Good"))
    manager, report = plugins.load(points=[point("two", target), point("one", target)])
    assert [one.name for one in report] == ["one", "two"]
    assert report[0].state == "ok"
    assert report[1].error.endswith("is loaded already, as plugin one")
    assert order(manager) == ["Good"]


def test_an_implementation_may_ask_for_another_place(point):
    manager, _ = plugins.load(points=[point("a", Good), point("b", First)])
    assert order(manager) == ["First", "Good"]


def test_an_answer_may_be_a_generator(point):
    _, report = plugins.load(points=[point("a", GeneratorAnswer)])
    assert report[0].state == "ok"


class Greeter:
    agents = ()

    @hookspec
    def arpanet_the_greeter_greeted(self, name): ...


class Listener:
    @hookimpl
    def arpanet_the_greeter_greeted(self, name):
        name.append("heard")


class OptionalListener:
    @hookimpl(optionalhook=True)
    def arpanet_the_greeter_greeted(self, name): ...


def test_a_plugins_own_event_is_there_for_all_wherever_the_plugin_runs(point):
    points = [point("a", Listener), point("the-greeter", Greeter), point("z", OptionalListener)]
    for agent in (None, "registrator"):
        manager, report = plugins.load(agent, points=points)
        assert [one.error for one in report] == ["", "", ""]
        heard = []
        Bus(manager).emit("the_greeter.greeted", name=heard)
        assert heard == ["heard"]
    _, report = plugins.load(blocked=["the-greeter"], points=points)
    assert [bool(one.error) for one in report] == [True, False, False]


def test_a_third_partys_code_is_marked_while_it_is_imported(point):
    marked = []

    @contextmanager
    def mark(plugin, what):
        marked.append((plugin, what))
        yield

    plugins.load(points=[point("a", Good), point("b", Ambassador, "arpanet")], mark=mark)
    assert marked == [("a", "import")]
