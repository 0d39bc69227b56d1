"""The agent's loop: differences of whole states, in order, on one thread."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from arpanet.agent import loop, statusfile
from arpanet.agent.box import Box
from arpanet.agent.loop import Agent
from arpanet.errors import EngineUnreachable, PluginError
from arpanet.events import Failure
from arpanet.records import Container, Instance, Snapshot
from arpanet.registry import MemoryRegistry
from arpanet.settings import CORE, HOSTNAME, Settings, Source


class FakeBus:
    """Has a stranger that may hang."""

    def __init__(self):
        self.failures, self.hung, self.closed = {}, [], False
        self.listens = True

    def decide(self, post, beat):
        self.post, self.beat = post, beat

    def heard(self, event):
        return self.listens and event == "services.changed"

    def workers(self):
        return {"hello": {"waiting": 0, "hook": "arpanet_x", "since": 0.0}}

    def hanging(self):
        return self.hung

    def close(self, seconds):
        self.closed = True
        return []


class FakeContext:
    """Notes what is emitted."""

    agent = "registrator"

    def __init__(self):
        self.emitted = []
        self.settings = Settings(CORE, {})
        self.bus = FakeBus()
        self.registry = MemoryRegistry()
        self.engine = self
        self.following = SimpleNamespace(trouble="", close=lambda: None)

    def emit(self, event, **payload):
        self.emitted.append((event, payload))

    def revive(self):
        return SimpleNamespace(trouble="", close=lambda: None)

    def follow(self, notify, resync):
        self.notify, self.resync = notify, resync
        notify({"1": container("1")})
        return self.following


def container(key, name="web", **changes):
    return Container(key, name, "image", pid=1, started="t0", **changes)


@pytest.fixture
def context():
    return FakeContext()


def names(context):
    return [(event, getattr(p.get("container"), "name", None)) for event, p in context.emitted]


def test_differences_then_the_whole(context):
    agent = Agent(context)
    a, b = container("1", "a"), container("2", "b")
    agent.containers({"2": b, "1": a})
    assert names(context) == [
        ("container.register", "a"),
        ("container.register", "b"),
        ("containers.synced", None),
    ]
    context.emitted.clear()
    agent.containers({"1": container("1", "a", health="healthy")})
    assert names(context) == [
        ("container.deregister", "b"),
        ("container.register", "a"),
        ("containers.synced", None),
    ]


def test_the_same_again_is_only_synced(context):
    agent = Agent(context)
    for _ in range(2):
        context.emitted.clear()
        agent.containers({"1": container("1")})
    assert names(context) == [("containers.synced", None)]


def test_an_empty_host_is_synced_too(context):
    Agent(context).containers({})
    assert context.emitted == [("containers.synced", {"containers": {}})]


def test_services_tell_before_and_after_once(context):
    agent = Agent(context)
    full = Snapshot({"x": Instance("x", ("redis",), "h", "10.0.0.1", 1)})
    agent.services(Snapshot())
    agent.services(full)
    agent.services(full)
    assert context.emitted == [
        ("services.changed", {"before": Snapshot(), "after": Snapshot()}),
        ("services.changed", {"before": Snapshot(), "after": full}),
    ]


@pytest.fixture
def written(monkeypatch):
    found = {}
    monkeypatch.setattr(statusfile, "write", lambda part, state: found.update({part: state}))
    return found


def test_a_failure_that_is_over_is_told_no_more(context, written):
    agent = Agent(context)
    failure = Failure(1, "arpanet_backends", "no", 1.0)
    context.bus.failures.update(one=failure, two=replace(failure, over=True))
    agent.stop()
    agent.run()
    assert set(written[statusfile.AGENT]["failures"]) == {"one"}


def test_run_follows_until_stopped_and_only_the_newest_counts(context, written):
    agent = Agent(context)
    context.following.trouble = "Docker is away"
    real_emit = context.emit

    def emit(event, **payload):
        real_emit(event, **payload)
        if event == "containers.synced" and "3" not in payload["containers"]:
            context.notify({"2": container("2", "b")})
            context.notify({"3": container("3", "c")})
        elif event == "containers.synced":
            agent.stop()

    context.emit = emit
    context.settings = Settings(CORE, {"ARPANET_RESYNC": Source("7", "option")})
    agent.run()
    assert context.resync == 7
    assert [one for one in names(context) if one[0] != "agent.tick"] == [
        ("agent.start", None),
        ("services.changed", None),
        ("container.register", "web"),
        ("containers.synced", None),
        ("container.deregister", "web"),
        ("container.register", "c"),
        ("containers.synced", None),
        ("agent.stop", None),
    ]
    assert written["agent"]["docker"] == "Docker is away"
    assert set(context.registry.silences()) == {(context.settings[HOSTNAME], "registrator")}
    assert context.bus.closed


def test_nobody_can_change_what_the_others_are_told(context):
    Agent(context).containers({"1": container("1")})
    with pytest.raises(TypeError):
        del context.emitted[-1][1]["containers"]["1"]


def test_whatever_is_raised_the_loop_goes_on_and_says_so(context, written, caplog):
    agent = Agent(context)
    real_emit = context.emit

    def emit(event, **payload):
        real_emit(event, **payload)
        if event == "agent.tick" and written:
            agent.stop()
        if event in ("agent.start", "services.changed"):
            raise MemoryError("no memory")

    context.emit = emit
    agent._ticked = float("-inf")
    ticks = iter(range(0, 1000, 2))
    agent._clock = lambda: float(next(ticks))
    agent.run()
    assert ("agent.stop", None) in names(context)
    assert written["agent"]["fault"]["count"] >= 1
    assert written["agent"]["fault"]["words"] == "MemoryError: no memory"
    assert "the agent's loop failed, and goes on" in caplog.text


def test_the_registry_is_followed_only_where_a_plugin_listens(context, written):
    agent = Agent(context)
    context.bus.listens = False
    context.registry = None
    real_emit = context.emit

    def emit(event, **payload):
        real_emit(event, **payload)
        if event == "containers.synced":
            agent.stop()

    context.emit = emit
    agent.run()
    assert "services.changed" not in dict(context.emitted)
    assert "registry" not in written["agent"]
    assert not written["agent"]["fault"]["count"]


def test_others_see_that_an_agent_moves_and_that_it_does_not(context):
    agent, shown = Agent(context), []
    context.settings = Settings(CORE, {"HOSTNAME": Source("h1", "option")})
    context.registry = SimpleNamespace(presence=lambda *given: shown.append(given))
    agent._show()
    ((host, name, alive),) = shown
    assert (host, name, alive()) == ("h1", "registrator", True)
    agent._moved -= loop.STUCK
    assert not alive()


def test_what_the_registry_lost_is_left_for_the_command_line(context, written):
    agent = Agent(context)
    gone = Instance("h1:a:80", ("a",), "h1", "10.0.0.1", 80, unconfirmed=True)
    agent.services(Snapshot({gone.id: gone}))
    agent._tick([])
    assert [one for one, _ in written["lost"]["instances"]] == [gone.id]


def test_without_docker_and_registry_it_runs_and_tries_again(context, written):
    def away(notify):
        raise EngineUnreachable("Docker does not answer")

    context.follow = away
    agent, ticks = Agent(context), iter(range(0, 1000, 2))
    agent._clock = lambda: float(next(ticks))
    real_emit = context.emit

    def emit(event, **payload):
        real_emit(event, **payload)
        if event == "agent.tick" and written.get("agent"):
            del context.follow
        if event == "containers.synced":
            agent.stop()
        context.notify = lambda found: None

    context.emit = emit
    agent.run()
    assert ("container.register", "web") in names(context)
    assert "docker" in written["agent"]


def test_its_sign_of_life(context, written):
    now = [100.0]
    agent = Agent(context, Box(), {"deaths": 2, "last": "x", "left_out": {}}, lambda: now[0])
    now[0] += 7
    assert context.alive() == 7
    agent._beat()
    assert context.alive() == 0
    assert agent._box.beats == 1
    agent._tick([])
    assert written["agent"]["at"] == 107
    assert written["agent"]["deaths"] == 2
    written.clear()
    now[0] += 0.5
    agent._tick([])  # not more often than once a second
    assert written == {}


def test_one_that_announces_without_end_is_told_to_stop(context, monkeypatch):
    monkeypatch.setattr(loop, "POSTED", 3)
    agent = Agent(context)
    for _ in range(3):
        agent._post(lambda: None)
    with pytest.raises(PluginError, match="more than 3 events wait already"):
        agent._post(lambda: None)


def test_a_plugin_that_hangs_is_told_of_once_and_when_it_goes_on(context, written, caplog):
    caplog.set_level("INFO", logger="arpanet.agent.loop")
    now = [0.0]
    agent = Agent(context, clock=lambda: now[0])
    for hanging in (["hello"], ["hello"], [], []):
        context.bus.hung = hanging
        now[0] += 2
        agent._tick([])
    assert caplog.messages == [
        "plugin hello hangs in arpanet_x: it is held, and holds up nobody",
        "plugin hello goes on",
    ]
