"""``~/.arpanetrc`` changes; the roles run again."""

import threading
from types import SimpleNamespace

import pytest

from arpanet import settings
from arpanet.errors import EngineUnreachable
from arpanet.host.watcher import Watcher
from arpanet.records import Formation


class FakeContext:
    def __init__(self, first, roles):
        self.settings = first
        self.emitted = []
        self.engine = SimpleNamespace(roles=lambda: roles)
        self.fails = None

    def adopt(self, fresh):
        self.settings = fresh

    def emit(self, event, **payload):
        self.emitted.append(event)
        if event == "master.start":
            assert payload["formation"] == Formation()
        if self.fails and event.endswith("start"):
            raise self.fails


@pytest.fixture
def rc(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".arpanetrc"
    path.write_text("ARPANET_IP=10.0.0.1\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def watching(rc):
    def read():
        return settings.load(settings.CORE)

    def make(roles=("master", "slave")):
        context = FakeContext(read(), set(roles))
        return Watcher(context, read), context

    return make


def test_a_change_runs_the_roles_of_this_host(watching, rc):
    watcher, context = watching(["slave"])
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    assert context.emitted == ["settings.changed", "slave.start"]
    assert context.settings[settings.ARPANET_IP] == "10.0.0.2"
    watcher.check()
    assert len(context.emitted) == 2


def test_a_comment_changes_nothing(watching, rc):
    watcher, context = watching()
    rc.write_text("# a comment\nARPANET_IP=10.0.0.1\n")
    watcher.check()
    assert context.emitted == []


def test_a_bad_file_keeps_the_old_settings_and_complains_once(watching, rc, caplog):
    watcher, context = watching()
    rc.write_text("ARPANET_IP=nonsense\n")
    watcher.check()
    watcher.check()
    assert context.emitted == []
    assert context.settings[settings.ARPANET_IP] == "10.0.0.1"
    assert len([r for r in caplog.records if "the old settings stay" in r.message]) == 1


def test_a_failed_start_is_tried_again(watching, rc):
    watcher, context = watching()
    context.fails = EngineUnreachable("Docker is away")
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    assert context.emitted == ["settings.changed", "master.start"]
    context.fails = None
    watcher.check()
    assert context.emitted[2:] == ["master.start", "slave.start"]
    watcher.check()
    assert len(context.emitted) == 4


@pytest.mark.parametrize("way", ["write", "rename", "remove", "chmod"])
def test_notices_every_way_of_editing(watching, rc, way, monkeypatch):
    watcher, _ = watching()
    thread = threading.Thread(target=watcher.run)
    checked = threading.Event()
    monkeypatch.setattr(watcher, "check", checked.set)
    thread.start()
    try:
        assert checked.wait(10)  # the look at the start
        checked.clear()
        _edit(rc, way)
        assert checked.wait(10)
    finally:
        watcher.stop()
        thread.join(5)
    assert not thread.is_alive()


def _edit(rc, way):
    if way == "write":
        rc.write_text("ARPANET_IP=10.0.0.3\n")
    elif way == "rename":
        fresh = rc.with_suffix(".new")
        fresh.write_text("ARPANET_IP=10.0.0.3\n")
        fresh.rename(rc)
    elif way == "remove":
        rc.unlink()
    else:
        rc.chmod(0o644)
