"""What authors test with: as it is told, and in step with what it stands in for."""

import inspect
import subprocess
import sys

import pytest

from arpanet import hookimpl
from arpanet.agent import statusfile
from arpanet.docker.engine import Engine
from arpanet.docker.specs import ContainerSpec
from arpanet.settings import Setting, kinds
from arpanet.testing import RecordingEngine, container, instance, snapshot

COLOUR = Setting("COLOUR", kinds.choice("red", "blue"), "red", "A colour.")


class Plugin:
    def __init__(self):
        self.heard = []

    @hookimpl
    def arpanet_settings(self):
        return [COLOUR]

    @hookimpl
    def arpanet_container_register(self, context, container):
        self.heard.append(f"+{container.name}")
        context.say(f"{context.settings[COLOUR]} {container.name}")

    @hookimpl
    def arpanet_container_deregister(self, container):
        self.heard.append(f"-{container.name}")

    @hookimpl
    def arpanet_containers_synced(self, context, containers):
        self.heard.append(len(containers))
        context.wake()

    @hookimpl
    def arpanet_services_changed(self, before, after):
        self.heard.append((sorted(before.services()), sorted(after.services())))


def test_an_agent_fed_by_hand_calls_what_a_real_one_does(arpanet_agent):
    plugin = Plugin()
    agent = arpanet_agent(plugin, COLOUR="blue")
    agent.services()
    agent.services(instance("redis"), instance("web", port=80))
    agent.containers(container("a"), container("b"))
    agent.containers(container("b"))
    agent.again()
    assert plugin.heard == [
        ([], []),
        ([], ["redis", "web"]),
        *("+a", "+b", 2),
        *("-a", 1),
        1,
    ]
    assert agent.context.said == ["blue a", "blue b"]
    assert agent.context.woken == 3
    assert ("containers.synced", {"containers": {"id-b": container("b")}}) in agent.context.emitted


def test_contexts_of_one_test_are_hosts_of_one_cluster(arpanet_context, arpanet_registry):
    one, two = arpanet_context(HOSTNAME="h1"), arpanet_context(HOSTNAME="h2")
    one.registry.session(one.host("slave")).publish([instance(host="h1")])
    assert set(two.registry.read().hosts) == {"h1"}
    assert arpanet_registry.read() == two.registry.read()


def test_what_a_hook_raises_reaches_the_test(arpanet_context):
    class Broken:
        @hookimpl
        def arpanet_slave_start(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        arpanet_context(Broken()).emit("slave.start")


def test_a_hook_or_a_setting_that_there_is_not(arpanet_context):
    class Mistyped:
        @hookimpl
        def arpanet_slave_strat(self): ...

    with pytest.raises(Exception, match="unknown hook 'arpanet_slave_strat'"):
        arpanet_context(Mistyped())
    with pytest.raises(TypeError, match="no plugin here declares COLOUR"):
        arpanet_context(COLOUR="red")


def test_docker_notes_what_it_is_asked_for(arpanet_context):
    context = arpanet_context()
    context.engine.ensure(ContainerSpec("thing", "arpanet_thing", "image", ("agent", "thing")))
    (own,) = context.engine.own("thing")
    assert (own.name, own.state) == ("arpanet_thing", "running")
    statusfile.write("thing", {"well": True})
    assert statusfile.read(context.engine, own.name, "thing") == {"well": True}
    assert context.engine.remove_part("thing") == ["arpanet_thing"]
    assert context.docker.did == ["ensure arpanet_thing", "remove thing"]


OWN = {"has"}


def test_the_stand_in_for_docker_is_called_as_docker_is():
    public = {n: f for n, f in vars(RecordingEngine).items() if inspect.isfunction(f)}
    for name in public.keys() - OWN:
        if not name.startswith("_"):
            real = inspect.signature(getattr(Engine, name))
            assert list(inspect.signature(public[name]).parameters) == list(real.parameters), name


def test_records_are_made_of_what_a_test_says():
    assert instance("web", host="h9", port=80, ip="10.0.0.9").id == "h9:web:80"
    assert instance(id="mine").id == "mine"
    assert snapshot(instance()).services().keys() == {"redis"}


def test_pytest_alone_imports_little_of_arpanet():
    """The fixtures' module is imported by every run of pytest where arpanet is installed."""
    code = "import sys, arpanet.testing.fixtures; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = [one for one in done.stdout.split() if one.partition(".")[0] in ("arpanet", "docker")]
    assert loaded == ["arpanet", "arpanet.testing", "arpanet.testing.fixtures"]
