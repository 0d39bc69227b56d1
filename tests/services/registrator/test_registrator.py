"""The registrator's agent beside a real Docker."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pluggy
import pytest
from arpanet_identity.plugin import OPEN
from arpanet_lab.host import Host
from arpanet_registrator import publisher
from arpanet_registrator.listeners import listening
from arpanet_registrator.newcomers import Newcomers
from arpanet_registrator.plugin import RegistratorPlugin
from arpanet_registrator.settings import SETTINGS

from arpanet import hookspecs
from arpanet.agent import statusfile
from arpanet.agent.loop import Agent
from arpanet.context import Context
from arpanet.docker.engine import Engine
from arpanet.events import Bus
from arpanet.records import Instance
from arpanet.registry import MemoryRegistry
from arpanet.settings import CORE, Settings, Source
from tests.conftest import wait_for

SLEEP = ("busybox", "sleep", "600")
#: What a command says after a while.
WAITED = "starting this host's slave"

Found = Callable[[], dict[str, Instance]]


def settings_of(texts: dict[str, str]) -> Settings:
    given = {name: Source(text, "option") for name, text in texts.items()}
    return Settings((*CORE, *SETTINGS), given)


@pytest.fixture
def docker(clean_dockerd: Host) -> Callable[..., str]:
    return lambda *words: clean_dockerd.run(["docker", *words]).stdout.strip()


@pytest.fixture
def start(
    clean_dockerd: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Found]]:
    """Start an agent with the registrator alone: ``start(**settings)``; returns a look into its
    registry."""
    host = clean_dockerd
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    # this process is not on the host's network, as the registrator's container is
    proc = Path("/proc", str(host.pid), "net")
    monkeypatch.setattr(publisher, "listening", lambda ip: listening(ip, proc))
    # nor does it see the host's processes by Docker's numbers
    processes = Path("/proc", str(host.pid), "root/proc")
    monkeypatch.setattr(publisher, "Newcomers", lambda: Newcomers(processes))
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    manager.register(RegistratorPlugin(), "registrator")
    given = {"HOSTNAME": "h1", "ARPANET_IP": host.ip, "ARPANET_TLS": "off"}
    bus = Bus(manager)
    context = Context(settings_of(given), bus, print, "registrator")
    context.engine = Engine.connect(f"unix://{host.docker_socket}")
    context.registry = registry = MemoryRegistry()
    agent = Agent(context)
    thread = threading.Thread(target=agent.run)

    def begin(**more: str) -> Found:
        context.settings = settings_of({**given, **more})
        thread.start()
        return lambda: dict(registry.read().instances)

    yield begin
    agent.stop()
    if thread.ident:
        thread.join(60)
    context.close()
    assert not thread.is_alive()
    assert bus.failures == {}


def test_a_container_comes_before_and_after_the_agent_and_goes(docker, start, dockerd):
    docker("run", "-d", "--name", "old", "-p", "10000:6379", *SLEEP)
    found = start()
    wait_for(lambda: set(found()) == {"h1:old:6379"})
    assert found()["h1:old:6379"].address == f"{dockerd.ip}:10000"
    docker("run", "-d", "--name", "new", "-p", "80", "-e", "SERVICE_NAME=web", *SLEEP)
    wait_for(lambda: len(found()) == 2)
    assert found()["h1:new:80"].services[0] == "web"
    docker("kill", "old")
    wait_for(lambda: set(found()) == {"h1:new:80"})
    docker("start", "old")
    wait_for(lambda: len(found()) == 2)
    docker("stop", "-t", "0", "new")
    wait_for(lambda: set(found()) == {"h1:old:6379"})
    docker("rm", "-f", "old")
    wait_for(lambda: found() == {})


def test_a_restart_is_followed_to_its_new_port(docker, start):
    docker("run", "-d", "--name", "r0", "-p", "6379", *SLEEP)
    found = start()

    def published() -> int:
        return int(docker("port", "r0", "6379/tcp").splitlines()[0].rpartition(":")[2])

    wait_for(lambda: [one.port for one in found().values()] == [published()])
    before = published()
    docker("restart", "-t", "0", "r0")
    assert published() != before
    wait_for(lambda: [one.port for one in found().values()] == [published()])


def test_addresses_and_protocols(docker, start, dockerd):
    docker("network", "create", "back")
    ports = ["53:53/tcp", "53:53/udp", "127.0.0.1:8080:80", f"{dockerd.ip}:443:443"]
    flags = [word for port in ports for word in ("-p", port)]
    docker("run", "-d", "--name", "x0", "--net", "back", *flags, *SLEEP)
    found = start()
    wait_for(lambda: set(found()) == {"h1:x0:53", "h1:x0:53:udp", "h1:x0:443"})
    secure = found()["h1:x0:443"]
    assert secure.services == ("busybox-443",)
    assert time.time() - 60 < secure.started < time.time() + 1
    inspected = docker("inspect", "-f", "{{.NetworkSettings.Networks.back.IPAddress}}", "x0")
    assert secure.local == {"back": f"{inspected}:443"}
    assert found()["h1:x0:53:udp"].tags == ("udp",)
    assert found()["h1:x0:53"].services == ("busybox-53",)


def test_of_several_bindings_the_one_that_docker_lists_first(docker, start):
    docker("run", "-d", "--name", "x0", "-p", "8081:80", "-p", "8080:80", "-p", "8082:80", *SLEEP)
    first = '{{(index .NetworkSettings.Ports "80/tcp" 0).HostPort}}'
    listed = int(docker("inspect", "-f", first, "x0"))
    found = start()
    wait_for(lambda: [one.port for one in found().values()] == [listed])


def test_what_only_this_host_reaches_is_registered_where_it_is_named(docker, start):
    for name, *flags in (
        ("priv", "--expose", "6379", "-e", "SERVICE_NAME=priv"),
        ("loop", "-p", "127.0.0.1:8080:80", "-e", "SERVICE_80_NAME=admin"),
        ("unnamed", "--expose", "6379"),
        ("marker", "-p", "10000:1"),
    ):
        docker("run", "-d", "--name", name, *flags, *SLEEP)
    found = start()
    wait_for(lambda: set(found()) == {"h1:priv:6379", "h1:loop:80", "h1:marker:1"})
    inside = docker("inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "priv")
    private = found()["h1:priv:6379"]
    assert (private.address, private.local) == ("", {"bridge": f"{inside}:6379"})
    assert found()["h1:loop:80"].address == ""


def test_in_another_containers_network(docker, start, dockerd):
    docker("run", "-d", "--name", "pod", "-p", "8080:80", *SLEEP)
    docker("commit", "--change", "EXPOSE 80", "pod", "exposing")
    docker("run", "-d", "--name", "in", "--net", "container:pod", "exposing")
    found = start()
    wait_for(lambda: set(found()) == {"h1:pod:80", "h1:in:80"})
    assert found()["h1:in:80"].services == ("exposing", "exposing-80")
    assert found()["h1:in:80"].address == f"{dockerd.ip}:8080"
    assert found()["h1:in:80"].local == found()["h1:pod:80"].local
    docker("kill", "in")
    wait_for(lambda: set(found()) == {"h1:pod:80"})


def test_on_success_what_failed_stays_until_it_is_removed(docker, start):
    exits = ("busybox", "sh", "-c", "until [ -e /go ]; do sleep 0.1; done; exit $(cat /go)")
    for at, name in enumerate(("bad", "good")):
        docker("run", "-d", "--name", name, "-p", f"1000{at}:80", *exits)
    found = start(ARPANET_DEREGISTER="on-success")
    wait_for(lambda: len(found()) == 2)
    docker("exec", "good", "sh", "-c", "echo 0 > /tmp/go; mv /tmp/go /")
    docker("exec", "bad", "sh", "-c", "echo 3 > /tmp/go; mv /tmp/go /")
    wait_for(
        lambda: [(k, one.health) for k, one in found().items()] == [("h1:bad:80", "unhealthy")]
    )
    docker("rm", "bad")
    docker("run", "-d", "--name", "marker", "-p", "10002:1", *SLEEP)
    wait_for(lambda: set(found()) == {"h1:marker:1"})


def test_what_is_started_is_starting_until_it_listens(docker, start):
    found = start()
    wait_for(lambda: (statusfile.RUN / "registrator.json").exists())
    docker("run", "-d", "--name", "s0", "-p", "10000:6379", *SLEEP)
    wait_for(lambda: [one.health for one in found().values()] == ["starting"])
    docker("exec", "-d", "s0", "busybox", "nc", "-l", "-p", "6379")
    wait_for(lambda: [one.health for one in found().values()] == [""])


def test_who_begins_to_listen_is_not_dialled_for_it(docker, start):
    found = start()
    docker("run", "-d", "--name", "s0", "-p", "10000:6379", "busybox", "nc", "-l", "-p", "6379")
    wait_for(lambda: [one.health for one in found().values()] == [""])
    # nobody has dialled it: nc would have ended
    assert docker("inspect", "-f", "{{.State.Running}}", "s0") == "true"


def test_health_is_passed_on(docker, start):
    check = ["--health-cmd", "test -e /up", "--health-interval", "1s", "--health-retries", "2"]
    docker("run", "-d", "--name", "h0", "-p", "80:80", *check, *SLEEP)
    found = start()
    wait_for(lambda: [one.health for one in found().values()] == ["starting"])
    docker("exec", "h0", "touch", "/up")
    wait_for(lambda: [one.health for one in found().values()] == ["healthy"])
    docker("exec", "h0", "rm", "/up")
    # far sooner than the next look at everything: Docker says so, and is listened to
    wait_for(lambda: [one.health for one in found().values()] == ["unhealthy"])


def test_a_pause_is_ill_health(docker, start):
    docker("run", "-d", "--name", "p0", "-p", "80:80", *SLEEP)
    found = start()
    for command, health in (("pause", "unhealthy"), ("unpause", ""), ("pause", "unhealthy")):
        docker(command, "p0")
        wait_for(lambda wanted=health: [one.health for one in found().values()] == [wanted])
    docker("unpause", "p0")


def test_a_stop_signal_is_passed_on_and_other_signals_are_not(docker, start):
    """SLEEP takes no notice of either: so it outlives its stop time, which is none."""
    stops = ["--stop-signal", "SIGUSR1", "--stop-timeout", "0"]
    long = ["--stop-signal", "12", "--stop-timeout", "600"]
    docker("run", "-d", "--name", "s0", "-p", "80:80", *stops, *SLEEP)
    docker("run", "-d", "--name", "s1", "-p", "81:81", *long, *SLEEP)
    docker("kill", "-s", "USR2", "s1")  # before the agent's time: it is found out all the same
    found = start()

    def health() -> list[str]:
        return [found()[key].health for key in ("h1:s0:80", "h1:s1:81") if key in found()]

    wait_for(lambda: health() == ["", "stopping"])
    docker("kill", "-s", "HUP", "s0")
    docker("kill", "-s", "TERM", "s0")
    docker("run", "-d", "--name", "marker", "-p", "10000:1", *SLEEP)
    wait_for(lambda: len(found()) == 3)
    assert health() == ["", "stopping"]
    docker("kill", "-s", "USR1", "s0")
    wait_for(lambda: health() == ["stopping", "stopping"])
    wait_for(lambda: health() == ["", "stopping"])


def test_on_the_hosts_network_only_what_listens(docker, start, dockerd):
    found = start()
    serve = "until [ -e /go ]; do sleep 0.1; done; nc -ll -p 8080 -e true"
    exposed = ["--net", "host", "--expose", "8080", "--expose", "8081"]
    docker("run", "-d", "--name", "web", *exposed, "busybox", "sh", "-c", serve)
    docker("run", "-d", "--name", "marker", "-p", "10000:1", *SLEEP)
    wait_for(lambda: set(found()) == {"h1:marker:1"})
    docker("exec", "web", "touch", "/go")
    wait_for(lambda: set(found()) == {"h1:marker:1", "h1:web:8080"})
    assert found()["h1:web:8080"].address == f"{dockerd.ip}:8080"
    assert found()["h1:web:8080"].local == {}
    docker(
        "run",
        "-d",
        "--name",
        "mute",
        "-e",
        "SERVICE_NAME=m",
        "--expose",
        "9",
        "--net",
        "host",
        *SLEEP,
    )
    wait_for(lambda: set(found()) == {"h1:marker:1", "h1:web:8080", "h1:mute:9"})


def test_slave_start_without_a_master_is_one_line_and_changes_nothing(clean_dockerd):
    host, start = clean_dockerd, [sys.executable, "-m", "arpanet", "slave", "start"]
    for given, code in (
        ({"ARPANET_IP": host.ip}, 3),  # nobody has let it in
        ({"ARPANET_IP": host.ip, "ARPANET_TLS": "off"}, 5),
        ({"ARPANET_IP": "192.0.2.1", "ARPANET_TLS": "off"}, 3),
    ):
        done = host.run(start, check=False, env=given)
        assert (done.returncode, done.stdout) == (code, "")
        *warned, last = done.stderr.splitlines()
        assert last.startswith("arpanet: ")
        warned = [line for line in warned if line != WAITED]  # on a busy machine it takes a while
        assert warned == ([OPEN] if "ARPANET_TLS" in given else [])
        assert host.run(["docker", "ps", "-aq"]).stdout == ""


def test_a_check_by_label_is_health(docker, start, dockerd):
    label = ["--label", "arpanet.check.80=http:/up every=200ms"]
    mute = ["--label", "arpanet.check.80=tcp every=1h"]
    serve = ["busybox", "sh", "-c", "mkdir /w; httpd -f -p 80 -h /w"]
    docker("run", "-d", "--name", "web", "-p", "8080:80", *label, *serve)
    docker("run", "-d", "--name", "odd", "-p", "8081:80", *mute, *serve)
    found = start()

    def health() -> list[str]:
        return [found()[key].health for key in ("h1:web:80", "h1:odd:80") if key in found()]

    wait_for(lambda: health() == ["starting", ""])
    docker("exec", "web", "touch", "/w/up")
    wait_for(lambda: health() == ["healthy", ""])
    docker("exec", "web", "rm", "/w/up")
    wait_for(lambda: health() == ["unhealthy", ""])
    docker("exec", "web", "touch", "/w/up")
    wait_for(lambda: health() == ["healthy", ""])


def test_who_was_ill_is_so_for_a_registrator_that_begins_anew(
    docker, start, dockerd, monkeypatch, tmp_path
):
    """Its first word is what the one of before had found, and no moment of anything better."""
    monkeypatch.setattr(publisher, "CHECKED", tmp_path / "kept")
    label = ["--label", "arpanet.check.80=http:/up every=1m"]
    docker("run", "-d", "--name", "web", "-p", "8080:80", *label, "busybox", "sleep", "600")
    run = docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", "web").split()
    found_before = [run[0], 80, run[1], "unhealthy", [1.0]]
    (tmp_path / "kept").write_text(json.dumps([found_before]))
    found = start()
    wait_for(lambda: "h1:web:80" in found())
    assert found()["h1:web:80"].health == "unhealthy"
