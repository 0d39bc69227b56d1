"""The engine with a real dockerd."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime

import pytest

from arpanet.docker import ensuring
from arpanet.docker.engine import ContainerSpec, Engine
from arpanet.errors import EngineError, EngineUnreachable, NameTaken
from arpanet.records import Port
from tests.conftest import wait_for

SERVE = ("sh", "-c", "trap exit TERM; sleep 9999 & wait")
SPEC = ContainerSpec("etcd", "arpanet_etcd", "busybox", SERVE, "master", stop_seconds=1)
OTHER = replace(SPEC, env={"A": "b"})


@pytest.fixture
def engine(clean_dockerd):
    engine = Engine.connect(f"unix://{clean_dockerd.docker_socket}")
    yield engine
    engine.close()


def state(engine):
    return [(one.name, one.part, one.state) for one in engine.own()]


ONE_RUNS = [("arpanet_etcd", "etcd", "running")]


# -- node containers -------------------------------------------------------------------------------


def test_the_four_outcomes(engine):
    assert engine.ensure(SPEC) == "created"
    assert engine.ensure(SPEC) == "unchanged"
    assert engine.stop_part("etcd") == ["arpanet_etcd"]
    assert engine.ensure(SPEC) == "started"
    assert engine.ensure(OTHER) == "recreated"
    assert state(engine) == ONE_RUNS
    assert engine.containers()[engine.own()[0].id].env["A"] == "b"
    assert engine.roles() == {"master"}


def test_all_of_a_spec_reaches_docker(engine):
    engine.ensure(
        replace(
            SPEC,
            network="host",
            volumes={"arpanet_test": "/data", "/etc/hostname": "/there:ro"},
            capabilities=("NET_ADMIN",),
            pid_host=True,
            security=("no-new-privileges",),
            labels={"mine": "1"},
        )
    )
    found = engine.inspect("arpanet_etcd")
    host = found["HostConfig"]
    assert host["RestartPolicy"]["Name"] == "always"
    assert (host["NetworkMode"], host["PidMode"]) == ("host", "host")
    assert sorted(host["Binds"]) == ["/etc/hostname:/there:ro", "arpanet_test:/data"]
    assert "no-new-privileges" in host["SecurityOpt"]  # Docker adds 'label=disable' of itself
    assert [one.removeprefix("CAP_") for one in host["CapAdd"]] == ["NET_ADMIN"]
    assert found["Config"]["Labels"]["mine"] == "1"


def test_one_that_is_given_no_time_ends_at_once(engine):
    """Process 1 is not ended by a signal that it does not handle, and ``sleep`` handles none."""
    engine.ensure(replace(SPEC, entrypoint=("sleep",), command=("999",), stop_seconds=0))
    id_ = engine.own()[0].id
    assert engine.inspect(id_)["Path"] == "sleep"
    engine.restart(id_)
    engine.stop(id_)
    ended = engine.inspect(id_)["State"]
    assert (ended["Status"], ended["ExitCode"]) == ("exited", 137)
    began, ended = (datetime.fromisoformat(ended[one][:19]) for one in ("StartedAt", "FinishedAt"))
    assert (ended - began).total_seconds() < 10  # which it would have been given else


def test_a_strangers_container_is_not_touched(engine, clean_dockerd):
    clean_dockerd.run(["docker", "run", "-d", "--name", "arpanet_etcd", "busybox", "sleep", "99"])
    before = engine.inspect("arpanet_etcd")
    with pytest.raises(NameTaken, match="arpanet_etcd is taken by a container of image busybox"):
        engine.ensure(SPEC)
    assert engine.inspect("arpanet_etcd") == before
    assert state(engine) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"command": ("sleep", "--wrong")}, r"ends at once \(exit code 1\)"),
        ({"command": ("/no/such",)}, "cannot start container arpanet_etcd: .*no such file"),
        ({"image": "no/such:1"}, "cannot create container .*No such image"),
        ({"network": "no_such"}, "network no_such not found"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_does_not_start_leaves_the_old_one_running(engine, change, said):
    bad = replace(SPEC, **change)
    with pytest.raises(EngineError, match=said) as caught:
        engine.ensure(bad)
    assert "\n" not in str(caught.value)
    assert [one for one in state(engine) if one[2] != "created"] == []
    engine.ensure(SPEC)
    with pytest.raises(EngineError, match=said):
        engine.ensure(bad)
    assert [one for one in state(engine) if one[2] != "created"] == ONE_RUNS
    assert engine.ensure(SPEC) == "unchanged"
    assert state(engine) == ONE_RUNS


def test_killed_before_any_step_the_next_run_finishes(engine, clean_dockerd):
    class Killed(BaseException):
        pass

    steps = 0

    class Mortal(Engine):
        pass

    def mortal(name):
        def step(self, *args):
            nonlocal steps
            steps -= 1
            if steps < 0:
                raise Killed
            return getattr(Engine, name)(self, *args)

        return step

    for name in ("create", "start", "stop", "remove", "rename"):
        setattr(Mortal, name, mortal(name))
    dying = Mortal.connect(f"unix://{clean_dockerd.docker_socket}")
    for allowed in range(10):
        engine.ensure(replace(SPEC, name="earlier_name"))
        steps = allowed
        try:
            dying.ensure(OTHER)
        except Killed:
            engine.ensure(OTHER)
            assert state(engine) == ONE_RUNS, allowed
        else:
            break
    dying.close()
    assert allowed == 5  # create, stop, rename, start, remove


def test_two_at_a_time_agree(engine, clean_dockerd):
    outcomes = []

    def run(spec):
        other = Engine.connect(f"unix://{clean_dockerd.docker_socket}")
        try:
            outcomes.append(other.ensure(spec))
        except EngineError as problem:
            outcomes.append(problem)
        other.close()

    for spec in (SPEC, OTHER):
        threads = [threading.Thread(target=run, args=[spec]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert state(engine) == ONE_RUNS
    assert not [one for one in outcomes if isinstance(one, Exception)]


def test_another_image_under_the_same_tag(engine):
    engine.import_image([bytes(1024)], "arpanet/moving:1")
    engine.remove_image("arpanet/moving:1")
    assert not engine.has_image("arpanet/moving:1")
    for image in ("busybox", "redis"):
        engine._api.tag(image, "arpanet/moving", "1")
        spec = replace(SPEC, image="arpanet/moving:1", command=())
        spec = replace(spec, command=("sleep", "99") if image == "busybox" else ("redis-server",))
        assert engine.ensure(spec) in ("created", "recreated")
        assert engine.ensure(spec) == "unchanged"
    engine._api.tag("busybox", "arpanet/moving", "1", force=True)
    with pytest.raises(EngineError, match="redis-server"):
        engine.ensure(spec)
    assert state(engine) == ONE_RUNS


def test_stopped_stays_stopped_over_a_restart_of_docker(engine, clean_dockerd):
    engine.ensure(SPEC)
    engine.ensure(replace(SPEC, part="registrator", role="slave", name="arpanet_registrator"))
    engine.stop_part("etcd")
    clean_dockerd.restart_docker()
    wait_for(lambda: ("arpanet_registrator", "registrator", "running") in state(engine))
    assert ("arpanet_etcd", "etcd", "exited") in state(engine)
    assert engine.roles() == {"slave"}
    assert engine.ensure(SPEC) == "started"
    clean_dockerd.restart_docker()
    wait_for(lambda: ("arpanet_etcd", "etcd", "running") in state(engine))
    assert engine.remove_part("etcd") == ["arpanet_etcd"]
    assert engine.remove_part("etcd") == []


def test_live_restore_that_is_turned_off_leaves_none_ended(engine, clean_dockerd):
    """Docker then ends what had outlived it: a master's container as well as a slave's."""
    engine.ensure(SPEC)
    path = "/etc/docker/daemon.json"
    config = clean_dockerd.run(["cat", path], check=False).stdout or "{}"
    try:
        for on, lives in ((True, False), (True, True), (False, False)):
            merged = {**json.loads(config), "live-restore": on}
            clean_dockerd.run(["tee", path], input=json.dumps(merged))
            before = engine.inspect("arpanet_etcd")["State"]["StartedAt"]
            clean_dockerd.restart_docker()
            wait_for(lambda: state(engine) == ONE_RUNS)
            assert (engine.inspect("arpanet_etcd")["State"]["StartedAt"] == before) is lives
    finally:
        clean_dockerd.run(["tee", path], input=config)
        clean_dockerd.restart_docker()


# -- everybody's containers ------------------------------------------------------------------------


def test_a_container_as_docker_tells_of_it(engine, clean_dockerd):
    docker = ["docker", "run", "-d"]
    clean_dockerd.run([*docker, "--name", "db", "busybox", "sleep", "99"])
    ports = ["-p", "10080:80", "-p", "127.0.0.1:10053:53/udp", "--expose", "99"]
    words = ["--name", "web", "--link", "db:sql", "-e", "SERVICE_NAME=x", "-l", "a=b"]
    clean_dockerd.run([*docker, *ports, *words, "busybox", "sleep", "99"])
    found = {one.name: one for one in engine.containers().values()}
    assert set(found) == {"db", "web"}
    web = found["web"]
    assert web.ports == (
        Port(53, "udp", "127.0.0.1", 10053),
        Port(80, "tcp", "0.0.0.0", 10080),
        Port(99),
    )
    assert (web.image, web.network_mode, web.links) == ("busybox", "bridge", (("db", "sql"),))
    assert web.networks["bridge"].startswith("172.")
    assert (web.env["SERVICE_NAME"], web.labels) == ("x", {"a": "b"})
    assert web.pid > 1 and web.started.startswith("20")
    clean_dockerd.run(["docker", "kill", "web"])
    assert engine.container(web.id) is None
    assert engine.container("no such") is None


# -- programs, files, volumes ----------------------------------------------------------------------


def test_exec(engine):
    engine.ensure(SPEC)
    name = "arpanet_etcd"
    assert engine.exec(name, ["sh", "-c", "echo $A; echo no >&2; exit 3"], {"A": "a"}) == (
        3,
        b"a\n",
        b"no\n",
    )
    big = os.urandom(2_000_000)
    assert engine.exec(name, ["cat"], stdin=big) == (0, big, b"")
    assert engine.exec(name, ["true"], stdin=big)[0] == 0
    assert engine.exec(name, ["/no/such"])[0] in (126, 127)
    with pytest.raises(EngineError, match="did not end within 1 s"):
        engine.exec(name, ["sleep", "30"], timeout=1)
    with pytest.raises(EngineError, match="No such container"):
        engine.exec("nobody", ["true"])


def test_run_once(engine):
    script = ["sh", "-c", "cat /there; echo no >&2; exit 4"]
    code, out, err = engine.run_once("busybox", script, volumes={"/etc/hostname": "/there"})
    assert (code, err) == (4, b"no\n") and out.strip()
    with pytest.raises(EngineError, match="did not end within 1 s"):
        engine.run_once("busybox", ["sleep", "30"], network="none", timeout=1)
    with pytest.raises(EngineError, match="No such image"):
        engine.run_once("no/such:1", ["true"])
    assert engine._api.containers(all=True) == []


def test_files_of_a_container_running_or_not(engine):
    engine.ensure(replace(SPEC, capabilities=("NET_RAW",)))  # without any, none can be written
    engine.exec("arpanet_etcd", ["sh", "-c", "echo hello > /tmp/x"])
    for _ in range(2):
        assert engine.read_file("arpanet_etcd", "/tmp/x") == b"hello\n"
        assert engine.read_file("arpanet_etcd", "/tmp/y") is None
        assert engine.read_file("arpanet_etcd", "/tmp") is None
        assert engine.read_archive("arpanet_etcd", "/tmp", lambda tar: tar.read(3)) == b"tmp"
        engine.stop_part("etcd")
    assert engine.read_archive("arpanet_etcd", "/nowhere", lambda tar: tar.read(1)) is None


def test_volumes(engine):
    for _ in range(2):
        engine.ensure_volume("arpanet_test", {"a": "b"})
    assert engine.volume_labels("arpanet_test") == {"a": "b"}
    assert engine.volume_labels("arpanet_none") is None
    engine.ensure(replace(SPEC, volumes={"arpanet_test": "/data"}))
    with pytest.raises(EngineError, match="volume is in use"):
        engine.remove_volume("arpanet_test")
    engine.remove_part("etcd")
    for _ in range(2):
        engine.remove_volume("arpanet_test")


def test_logs(engine):
    engine.ensure(replace(SPEC, command=("sh", "-c", "echo one; echo two >&2; sleep 99")))
    assert sorted(engine.logs("arpanet_etcd").split()) == ["one", "two"]
    assert len(engine.logs("arpanet_etcd", tail=1).split()) == 1


def test_a_pull_that_fails_is_one_line(engine):
    said = []
    with pytest.raises(EngineError) as caught:
        engine.pull("localhost:1/no/such:1", said.append)
    assert said == []
    assert "connection refused" in str(caught.value) and "\n" not in str(caught.value)


# -- no engine -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("unix:///nowhere/docker.sock", "/nowhere/docker.sock cannot be reached: .*No such file"),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1 cannot be reached: .*refused"),
        ("nonsense://x", "is DOCKER_HOST right"),
        ("tcp://127.0.0.1:port", "is DOCKER_HOST right"),
        ("ssh://nobody@127.0.0.1:1", "is DOCKER_HOST right"),
    ],
)
def test_no_engine_there(monkeypatch, url, said):
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(EngineUnreachable, match=said) as caught:
        Engine.connect()
    assert "\n" not in str(caught.value)


def test_no_permission(engine, clean_dockerd):
    script = (
        "import sys; from arpanet.docker.engine import Engine\n"
        "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from arpanet.errors import EngineUnreachable\n"
        "try: Engine.connect(sys.argv[1])\n"
        "except EngineUnreachable as problem: print(problem)\n"
    )
    url = f"unix://{clean_dockerd.docker_socket}"
    done = subprocess.run(
        [sys.executable, "-c", script, url], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.startswith("no permission to talk to Docker at /")
    assert "docker" in done.stdout.split(";")[1]


def test_an_engine_that_goes_and_comes(engine, clean_dockerd):
    assert engine.version.count(".") >= 2
    assert engine.id and engine.architecture == os.uname().machine
    clean_dockerd.stop_docker()
    with pytest.raises(EngineUnreachable):
        engine.containers()
    with pytest.raises(EngineUnreachable):
        engine.ensure(SPEC)
    clean_dockerd.start_docker()
    assert engine.containers() == {}
    assert ensuring.ensure(engine, SPEC) == "created"
