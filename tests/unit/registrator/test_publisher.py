"""The plugin in its agent: what it publishes, when, and what it says."""

import json
import logging
import time
from functools import partial

import pytest
from arpanet_registrator import publisher
from arpanet_registrator.newcomers import Newcomers
from arpanet_registrator.plugin import RegistratorPlugin

from arpanet.agent import statusfile
from arpanet.host import drained
from arpanet.records import STOPPING, Host, Instance, Port, Snapshot
from tests.conftest import wait_for

from .fakes import FakeContext, Proc, by_id, redis


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    return FakeContext()


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path / "proc")


@pytest.fixture
def plugin():
    return RegistratorPlugin()


@pytest.fixture(autouse=True)
def info(caplog):
    caplog.set_level(logging.INFO, logger="arpanet_registrator")


def test_nothing_is_published_before_a_complete_look(plugin, context):
    plugin.arpanet_agent_tick(context)
    assert context.registry.read() == Snapshot()
    plugin.arpanet_containers_synced(context, by_id(redis()))
    found = context.registry.read()
    assert found.instances["h1:r0:6379"].address == "127.0.0.1:10000"
    assert found.hosts["h1"] == Host("h1", "127.0.0.1", "engine-1", ("slave",))


def test_a_container_that_goes_takes_its_entries(plugin, context, caplog):
    for look in (
        (redis(),),
        (redis(), redis("r1")),
        (redis("r1"),),
        (redis("r1", health="healthy"),),
    ):
        plugin.arpanet_containers_synced(context, by_id(*look))
    assert set(context.registry.read().instances) == {"h1:r1:6379"}
    assert caplog.messages == [
        "+ redis h1:r0:6379 127.0.0.1:10000",
        "+ redis h1:r1:6379 127.0.0.1:10000",
        "- redis h1:r0:6379 127.0.0.1:10000",
        "+ redis h1:r1:6379 127.0.0.1:10000 healthy",
    ]


def test_an_empty_host_is_published_too(plugin, context):
    context.registry.session(context.host()).publish([Instance("h1:old:1", ("x",), "h1", "::", 1)])
    plugin.arpanet_containers_synced(context, {})
    assert context.registry.read().instances == {}


def test_a_warning_is_said_once(plugin, context, caplog):
    odd = redis(env={"SERVICE_IGNORE": "false"})
    for _ in range(2):
        plugin.arpanet_containers_synced(context, by_id(odd))
    (line,) = caplog.messages
    assert line.startswith("r0: SERVICE_IGNORE=false")


def test_a_host_with_an_etcd_is_a_master_too(plugin, context):
    etcd = redis("arpanet_etcd", labels={"arpanet.part": "etcd", "arpanet.role": "master"})
    plugin.arpanet_containers_synced(context, by_id(redis()))
    plugin.arpanet_containers_synced(context, by_id(redis(), etcd))
    assert context.registry.read().hosts["h1"].roles == ("slave", "master")
    assert set(context.registry.read().instances) == {"h1:r0:6379"}


def test_what_status_reads(plugin, context, tmp_path):
    plugin.arpanet_containers_synced(context, by_id(redis(), redis("r1")))
    assert json.loads((tmp_path / "registrator.json").read_text()) == {
        "instances": 2,
        "services": 1,
        "warnings": [],
        "drained": [],
        "trouble": "",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["registrator.json"]


def test_status_names_the_container_of_a_warning(plugin, context, tmp_path):
    odd = redis(env={"SERVICE_IGNORE": "false"}), redis("r1", env={"SERVICE_ID": "a/b"})
    plugin.arpanet_containers_synced(context, by_id(*odd))
    assert json.loads((tmp_path / "registrator.json").read_text())["warnings"] == [
        "r0: SERVICE_IGNORE=false ignores it as any value does: remove it instead",
        "r1: SERVICE_ID=a/b cannot be a key, 'a-b' is used",
    ]


def test_a_trouble_that_comes_or_goes_is_seen_without_a_change(plugin, context, tmp_path):
    plugin.arpanet_agent_tick(context)  # before anything was published there is nothing to tell
    assert list(tmp_path.iterdir()) == []
    sessions = []
    begin = context.registry.session
    context.registry.session = lambda host, alive: sessions.append(begin(host)) or sessions[-1]

    def told():
        return json.loads((tmp_path / "registrator.json").read_text())["trouble"]

    plugin.arpanet_containers_synced(context, by_id(redis()))
    for trouble in ("not begun yet", "no master answers", ""):
        sessions[0].trouble = trouble
        plugin.arpanet_agent_tick(context)
        assert told() == trouble


def test_what_failed_stays_with_on_success(plugin, context, monkeypatch):
    context.settings = FakeContext(ARPANET_DEREGISTER="on-success").settings
    codes = {"id-r0": 1, "id-r1": 0}
    context.engine.inspect = lambda key: {"State": {"ExitCode": codes[key]}}
    other = (Port(6379, host_ip="0.0.0.0", host_port=10001),)
    plugin.arpanet_containers_synced(context, by_id(redis(), redis("r1", ports=other)))
    plugin.arpanet_containers_synced(context, {})
    (left,) = context.registry.read().instances.values()
    assert (left.id, left.address, left.health) == ("h1:r0:6379", "127.0.0.1:10000", "unhealthy")
    plugin.arpanet_containers_synced(context, by_id(redis()))
    assert [one.health for one in context.registry.read().instances.values()] == [""]


def test_a_silent_server_is_looked_at_again_for_a_while(plugin, context, monkeypatch):
    open_ports = set()
    monkeypatch.setattr(
        publisher, "listening", lambda ip: lambda port, protocol: port in open_ports
    )
    monkeypatch.setattr(publisher, "LOOKS", 2)
    web = redis("web", image="nginx", ports=(Port(80),), network_mode="host")
    for looks in (1, 2):
        plugin.arpanet_containers_synced(context, by_id(web))
        wait_for(lambda looks=looks: context.woken == looks)
        wait_for(lambda: time.monotonic() > plugin._publisher._next_look)
    plugin.arpanet_containers_synced(context, by_id(web))
    open_ports.add(80)
    plugin.arpanet_containers_synced(context, by_id(web))
    assert set(context.registry.read().instances) == {"h1:web:80"}
    assert context.woken == 2


def test_a_newcomer_is_starting_until_its_server_listens(plugin, context, monkeypatch, proc):
    monkeypatch.setattr(publisher, "Newcomers", partial(Newcomers, proc.place))

    def health():
        return [one.health for one in context.registry.read().instances.values()]

    plugin.arpanet_containers_synced(context, {})
    plugin.arpanet_containers_synced(context, by_id(redis(pid=7)))
    assert health() == ["starting"]
    wait_for(lambda: context.woken == 1)
    proc.listens(7, "tcp", "00000000:18EB")
    plugin.arpanet_containers_synced(context, by_id(redis(pid=7)))
    assert health() == [""]


def test_what_the_registry_refuses_is_a_warning_that_names_the_container(
    plugin, context, caplog, tmp_path
):
    plugin.arpanet_containers_synced(context, by_id(redis()))
    session = plugin._publisher._session
    session.refused = {"h1:r0:6379": "has 200 names: 64 are the most", "h1:gone:1": "was"}
    plugin.arpanet_containers_synced(context, by_id(redis()))
    line = "r0: the registry refuses h1:r0:6379: has 200 names: 64 are the most"
    assert caplog.messages[-1] == line
    assert json.loads((tmp_path / "registrator.json").read_text())["warnings"] == [line]


def test_an_agent_that_is_stuck_vouches_for_nothing(plugin, context, monkeypatch):
    asked = []
    begin = context.registry.session
    monkeypatch.setattr(
        context.registry, "session", lambda host, alive: asked.append(alive) or begin(host, alive)
    )
    plugin.arpanet_containers_synced(context, {})
    (alive,) = asked
    context.alive = lambda: 9.9
    assert alive()
    context.alive = lambda: 10.1
    assert not alive()


def test_what_was_drained_by_hand_counts_as_stopping(plugin, context, monkeypatch, tmp_path):
    path = tmp_path / "drained.json"
    monkeypatch.setattr(drained, "SEEN", path)
    one = redis(health="healthy")
    plugin.arpanet_containers_synced(context, by_id(one))

    def health():
        plugin.arpanet_agent_tick(context)
        return context.registry.read().instances["h1:r0:6379"].health

    assert health() == "healthy"
    drained.change(path, lambda now: drained.Drained(containers={one.id: one.started}))
    assert health() == STOPPING
    assert json.loads((tmp_path / "registrator.json").read_text())["drained"] == ["r0"]
    path.write_text("nonsense")
    assert health() == STOPPING
    path.unlink()
    assert health() == "healthy"
    drained.change(path, lambda now: drained.Drained(host=True))
    assert health() == STOPPING
