"""The agent's loop: differences of whole states, in order, on one thread."""

from types import SimpleNamespace

import pytest

from arpanet.agent import statusfile
from arpanet.agent.loop import Agent
from arpanet.records import Container, Instance, Snapshot
from arpanet.registry import MemoryRegistry
from arpanet.settings import CORE, Settings, Source


class FakeContext:
    """Notes what is emitted."""

    agent = "registrator"

    def __init__(self):
        self.emitted = []
        self.settings = Settings(CORE, {})
        self.bus = SimpleNamespace(failures={})
        self.registry = MemoryRegistry()
        self.engine = self
        self.following = SimpleNamespace(trouble="", close=lambda: None)

    def emit(self, event, **payload):
        self.emitted.append((event, payload))

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


def test_run_follows_until_stopped_and_only_the_newest_counts(context, monkeypatch):
    written = {}
    monkeypatch.setattr(statusfile, "write", lambda part, state: written.update({part: state}))
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
    assert names(context) == [
        ("services.changed", None),
        ("container.register", "web"),
        ("containers.synced", None),
        ("container.deregister", "web"),
        ("container.register", "c"),
        ("containers.synced", None),
    ]
    assert written["agent"]["docker"] == "Docker is away"
