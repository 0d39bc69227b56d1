"""``~/.arpanetrc`` differs from what runs; the roles are started again."""

import threading
from types import SimpleNamespace

import pytest

from arpanet import settings
from arpanet.errors import EngineUnreachable
from arpanet.host import watcher as module
from arpanet.host.watcher import Watcher
from arpanet.progress import Progress
from arpanet.records import Formation
from arpanet.settings import ARPANET_IP, HOSTNAME, applied
from tests.conftest import wait_for
from tests.support.stand_in import stand_in


class FakeContext:
    def __init__(self, first, roles):
        self.settings = first
        self.emitted = []
        self.progress = Progress(self.emitted.append)
        self.engine = SimpleNamespace(
            roles=lambda: roles, used_images=set, images=lambda repository: {}
        )
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
    for name in ("ARPANET_IP", "ARPANET_MASTERS", "HOSTNAME", "DOCKER_PORT"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / ".arpanetrc"
    path.write_text("ARPANET_IP=10.0.0.1\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which a test lets go by."""
    now = SimpleNamespace(seconds=100.0)
    stand_in(monkeypatch, module, "time", monotonic=lambda: now.seconds)
    return now


@pytest.fixture
def watching(rc):
    """Make a watcher of a host whose roles were started with what is set, unless said otherwise."""

    def read():
        return settings.load(settings.CORE)

    def make(roles=("master", "slave"), started=None):
        for role in roles:
            if started is not False:
                applied.write(role, started or read())
        context = FakeContext(read(), set(roles))
        return Watcher(context, read), context

    return make


def test_a_change_runs_the_roles_of_this_host(watching, rc):
    watcher, context = watching(["slave"])
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    assert context.emitted == ["settings.changed", "slave.start"]
    assert context.settings[ARPANET_IP] == "10.0.0.2"
    watcher.check()
    assert len(context.emitted) == 2


def test_an_edit_made_while_nobody_watched_is_found_at_the_start(watching, rc):
    before = settings.load(settings.CORE)
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher, context = watching(["slave"], started=before)
    watcher.check()
    assert context.emitted == ["settings.changed", "slave.start"]
    watcher, context = Watcher(context, lambda: settings.load(settings.CORE)), context
    watcher.check()  # another one, after that
    assert len(context.emitted) == 2


def test_a_role_whose_start_nobody_remembers_is_started(watching):
    watcher, context = watching(["slave"], started=False)
    watcher.check()
    watcher.check()
    assert context.emitted == ["slave.start"]


def test_a_role_that_does_not_run_is_not_started(watching, rc):
    watcher, context = watching(["slave"])
    context.engine.roles = set
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    watcher.check()
    assert context.emitted == ["settings.changed"]


def test_what_an_option_or_another_environment_gave_is_kept(watching, rc):
    given = {"HOME": str(rc.parent), "HOSTNAME": "from-env", "ARPANET_IP": "10.0.0.7"}
    started = settings.load(settings.CORE, {"DOCKER_PORT": "7"}, given)
    watcher, context = watching(["slave"], started=started)
    watcher.check()
    assert context.emitted == []
    rc.write_text("ARPANET_IP=10.0.0.2\nDOCKER_PORT=8\n")
    watcher.check()
    assert context.emitted[-1] == "slave.start"
    assert context.settings[HOSTNAME] == "from-env"
    assert context.settings[ARPANET_IP] == "10.0.0.2"  # the file won over the environment before
    assert context.settings[settings.DOCKER_PORT] == 7  # and an option over the file
    assert applied.read()["slave"]["HOSTNAME"].origin == "environment"


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
    assert context.settings[ARPANET_IP] == "10.0.0.1"
    assert len([r for r in caplog.records if "the old settings stay" in r.message]) == 1


FAULTS = [EngineUnreachable("Docker is away"), ValueError("a bug"), SystemExit(3)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: type(one).__name__)
def test_a_failed_start_is_tried_again_less_and_less_often(watching, rc, clock, caplog, fault):
    watcher, context = watching()
    context.fails = fault
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    both = ["master.start", "slave.start"]
    assert context.emitted == ["settings.changed", *both]
    assert str(fault) in caplog.text
    for pause in (5, 10, 20):
        assert f"trying again in {pause} s" in caplog.text
        clock.seconds += pause - 1
        context.emitted.clear()
        watcher.check()
        assert context.emitted == []
        clock.seconds += 1
        watcher.check()
        assert context.emitted == both
    context.fails = None
    rc.write_text("ARPANET_IP=10.0.0.3\n")  # other settings don't have to wait
    watcher.check()
    assert context.emitted[2:] == ["settings.changed", *both]
    clock.seconds += 1000
    watcher.check()
    assert len(context.emitted) == 5


def test_a_docker_that_is_away_is_told_once(watching, rc, caplog):
    watcher, context = watching(["slave"])

    def away():
        raise EngineUnreachable("Docker is away")

    roles, context.engine.roles = context.engine.roles, away
    rc.write_text("ARPANET_IP=10.0.0.2\n")
    watcher.check()
    watcher.check()
    assert caplog.messages.count("Docker is away") == 1
    context.engine.roles = roles
    watcher.check()
    assert context.emitted == ["settings.changed", "slave.start"]


@pytest.mark.parametrize("way", ["limit", "no home"])
def test_without_notices_the_file_is_looked_at(watching, rc, way, monkeypatch, caplog):
    if way == "limit":

        def refused(*_, **__):
            raise OSError(28, "inotify watch limit reached")

        monkeypatch.setattr(module.Observer, "schedule", refused)
    else:
        monkeypatch.setenv("HOME", str(rc.parent / "gone"))
    monkeypatch.setattr(module, "RECHECK", 0.01)
    watcher, _ = watching()
    looks = []
    monkeypatch.setattr(watcher, "check", lambda: looks.append(1))
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        wait_for(lambda: len(looks) > 3)
        assert "no notice of edits: " in caplog.text
    finally:
        watcher.stop()
        thread.join(5)
    assert not thread.is_alive()


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
