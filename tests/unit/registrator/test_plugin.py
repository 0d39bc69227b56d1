"""The plugin on the command line: what start, stop and status do, and what they refuse."""

import pytest
from arpanet_registrator import plugin as registrator
from arpanet_registrator.plugin import RegistratorPlugin

from arpanet.agent import statusfile
from arpanet.errors import EngineUnreachable, RegistryError, RegistryUnreachable, SettingsError
from arpanet.records import Host, Instance
from tests.support.admissions import Admitting

from .fakes import FakeContext, Unreachable

WEB = Instance("h1:w0:80", ("web",), "h1", "127.0.0.1", 80)


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    monkeypatch.setattr(registrator, "node_image", lambda context: "arpanet-node:1")
    return FakeContext()


@pytest.fixture
def plugin():
    return RegistratorPlugin()


def test_start_runs_an_agent_beside_the_docker_socket(plugin, context):
    plugin.arpanet_slave_start(context)
    (spec,) = context.engine.ensured
    assert (spec.part, spec.name, spec.image) == (
        "registrator",
        "arpanet_registrator",
        "arpanet-node:1",
    )
    assert spec.command == ("agent", "registrator")
    assert spec.network == "host"
    assert spec.docker
    assert set(spec.tmpfs) == {"/run"}
    assert spec.env.items() > context.settings.environment().items()
    assert (spec.env["MALLOC_ARENA_MAX"], spec.env["MALLOC_TRIM_THRESHOLD_"]) == ("1", "65536")
    assert (spec.capabilities, spec.pid_host) == ((), True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, []),
        ({"ARPANET_INTERNAL": "yes"}, ["ARPANET_INTERNAL: instances at", "certs allow h1 --range"]),
        ({"ARPANET_IP_LABEL": "ip"}, ["ARPANET_IP_LABEL: instances at", "certs allow h1 --range"]),
        ({"ARPANET_INTERNAL": "yes", "ARPANET_TLS": "off"}, []),
    ],
)
def test_start_says_what_other_addresses_need(plugin, context, given, words):
    context = FakeContext(**{"ARPANET_TLS": "on", **given})
    plugin.arpanet_slave_start(context)
    said = context.said[1:]
    assert len(said) == bool(words)
    assert all(word in said[0] for word in words)


@pytest.mark.parametrize(
    ("record", "needs"),
    [
        ('{"addresses": ["127.0.0.1", "172.18.0.0/16"]}', False),
        ('{"addresses": ["127.0.0.1"]}', True),
        ('{"addresses": null}', True),
        ("", True),
    ],
)
def test_what_it_may_have_already_it_is_not_told(plugin, context, record, needs):
    registry = Admitting()
    registry.vault.write("public/hosts/h1", record)
    context = FakeContext(registry, ARPANET_TLS="on", ARPANET_INTERNAL="yes")
    plugin.arpanet_slave_start(context)
    assert len(context.said[1:]) == needs


def test_its_name_is_a_setting(plugin, context):
    context = FakeContext(REGISTRATOR_NAME="reg")
    plugin.arpanet_slave_start(context)
    assert context.engine.ensured[0].name == "reg"


def test_start_refuses_without_a_registry_and_changes_nothing(plugin, context):
    context.registry = Unreachable()
    with pytest.raises(RegistryUnreachable):
        plugin.arpanet_slave_start(context)
    assert context.engine.ensured == []


def test_start_refuses_a_taken_hostname(plugin, context):
    context.registry.session(Host("h1", "10.0.0.9", "another-engine"))
    with pytest.raises(RegistryError, match="HOSTNAME h1 is taken"):
        plugin.arpanet_slave_start(context)
    assert context.engine.ensured == []


def test_start_refuses_an_address_of_another_host(plugin, context):
    context = FakeContext(ARPANET_IP="192.0.2.1")
    with pytest.raises(SettingsError, match="not an address of this host"):
        plugin.arpanet_slave_start(context)
    assert context.engine.ensured == []


def test_stop_removes_the_container_and_the_entries(plugin, context):
    context.registry.session(context.host("slave")).publish([WEB])
    plugin.arpanet_slave_stop(context)
    assert context.engine.did == ["remove registrator"]
    assert context.registry.read().instances == {}


def test_stop_goes_on_without_a_registry(plugin, context):
    context.registry = Unreachable()
    plugin.arpanet_slave_stop(context)
    assert context.engine.did == ["remove registrator"]
    assert context.said == [
        "no master answers at 10.0.0.1:4001: this host's entries vanish within 15 s"
    ]


def test_the_time_that_entries_stay_is_a_setting(plugin):
    context = FakeContext(ARPANET_TTL="60")
    context.registry = Unreachable()
    plugin.arpanet_slave_stop(context)
    assert context.said[0].endswith("vanish within 60 s")


def test_stop_leaves_the_entries_of_a_namesake(plugin, context):
    context.registry.session(Host("h1", "10.0.0.9", "another-engine")).publish([WEB])
    plugin.arpanet_slave_stop(context)
    assert set(context.registry.read().instances) == {"h1:w0:80"}
    assert "HOSTNAME h1 is taken" in context.said[0]


def test_install_makes_the_image_for_slaves_only(plugin, context, monkeypatch):
    made = []
    monkeypatch.setattr(registrator, "node_image", made.append)
    for role in ("core", "master", "slave"):
        plugin.arpanet_install(context, role)
    assert made == [context]


GOOD = {"instances": 3, "services": 2, "warnings": [], "trouble": ""}
FIVE = [f"r{n}: SERVICE_IGNORE=false" for n in range(5)]


@pytest.mark.parametrize(
    ("container", "left", "loop", "state", "words"),
    [
        (None, None, None, "absent", "arpanet slave start"),
        ("exited", GOOD, None, "down", "arpanet_registrator is exited"),
        ("running", None, None, "degraded", "not seen Docker yet"),
        ("running", None, {"docker": "no socket"}, "degraded", "no socket"),
        ("running", GOOD, {"docker": "", "registry": ""}, "ok", "instances: 3, services: 2"),
        ("running", {**GOOD, "warnings": FIVE[:1]}, {}, "ok", "services: 2; r0: SERVICE_IGNORE"),
        ("running", {**GOOD, "warnings": FIVE}, {}, "ok", "r2: SERVICE_IGNORE=false; 2 more"),
        ("running", {**GOOD, "warnings": 1}, {}, "ok", "instances: 3, services: 2"),
        ("running", {**GOOD, "trouble": "lease lost"}, {}, "degraded", "lease lost"),
        ("running", GOOD, {"registry": "no master"}, "degraded", "no master"),
    ],
)
def test_status(plugin, context, container, left, loop, state, words):
    context.engine.state = container
    if left is not None:
        statusfile.write("registrator", left)
    if loop is not None:
        statusfile.write("agent", loop)
    (line,) = plugin.arpanet_status(context)
    assert (line.part, line.state) == ("registrator", state)
    assert words in line.detail


def test_status_without_docker(plugin, context):
    def own(part):
        raise EngineUnreachable("Docker does not run", "start it")

    context.engine.own = own
    (line,) = plugin.arpanet_status(context)
    assert (line.state, line.detail) == ("down", "Docker does not run; start it")
