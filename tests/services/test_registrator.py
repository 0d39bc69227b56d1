"""The registrator's agent beside a real Docker."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pluggy
import pytest
from arpanet_lab.host import Host
from arpanet_registrator import publisher
from arpanet_registrator.listening import listening
from arpanet_registrator.plugin import RegistratorPlugin

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

Found = Callable[[], dict[str, Instance]]


@pytest.fixture
def docker(clean_dockerd: Host) -> Callable[..., str]:
    return lambda *words: clean_dockerd.run(["docker", *words]).stdout.strip()


@pytest.fixture
def start(
    clean_dockerd: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Found]]:
    """Start an agent with the registrator alone; returns a look into its registry."""
    host = clean_dockerd
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    # this process is not on the host's network, as the registrator's container is
    proc = Path("/proc", str(host.pid), "net")
    monkeypatch.setattr(publisher, "listening", lambda ip: listening(ip, proc))
    manager = pluggy.PluginManager("arpanet")
    manager.add_hookspecs(hookspecs)
    manager.register(RegistratorPlugin(), "registrator")
    given = {"HOSTNAME": "h1", "ARPANET_IP": host.ip}
    settings = Settings(CORE, {name: Source(text, "option") for name, text in given.items()})
    bus = Bus(manager)
    context = Context(settings, bus, print, "registrator")
    context.engine = Engine.connect(f"unix://{host.docker_socket}")
    context.registry = registry = MemoryRegistry()
    agent = Agent(context)
    thread = threading.Thread(target=agent.run)

    def begin() -> Found:
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
    inspected = docker("inspect", "-f", "{{.NetworkSettings.Networks.back.IPAddress}}", "x0")
    assert secure.local == {"back": f"{inspected}:443"}
    assert found()["h1:x0:53:udp"].tags == ("udp",)
    assert found()["h1:x0:53"].services == ("busybox-53", "busybox")


def test_health_is_passed_on(docker, start):
    check = ["--health-cmd", "test -e /up", "--health-interval", "1s"]
    docker("run", "-d", "--name", "h0", "-p", "80:80", *check, *SLEEP)
    found = start()
    wait_for(lambda: [one.health for one in found().values()] == ["starting"])
    docker("exec", "h0", "touch", "/up")
    wait_for(lambda: [one.health for one in found().values()] == ["healthy"])


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


def test_slave_start_without_a_master_is_one_line_and_changes_nothing(clean_dockerd):
    host, start = clean_dockerd, [sys.executable, "-m", "arpanet", "slave", "start"]
    for given, code in (({"ARPANET_IP": host.ip}, 5), ({"ARPANET_IP": "192.0.2.1"}, 3)):
        done = host.run(start, check=False, env=given)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith("arpanet: ")
        assert done.stderr.count("\n") == 1
        assert host.run(["docker", "ps", "-aq"]).stdout == ""
