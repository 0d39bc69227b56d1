"""A stranger's plugin, and everything else that may go wrong in an agent's container."""

import json
import re
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arpanet_lab.host import Host

from arpanet.docker.engine import Engine
from arpanet.errors import EngineError
from tests.conftest import wait_for
from tests.lab import looks
from tests.support.labs import clean, docker_of

#: Does what the names of containers ask for.
PLUGIN = """
import os, time
from pathlib import Path
from arpanet import hookimpl, Status

class Stranger:
    @hookimpl
    def arpanet_agent_start(self, context):
        context.say("stranger: hello")

    @hookimpl
    def arpanet_container_register(self, context, container):
        context.say(f"stranger: + {container.name}")
        match container.name:
            case "hang":
                while not Path("/var/lib/arpanet/go-on").exists():
                    time.sleep(0.05)
            case "exit":
                os._exit(7)
            case "print":
                for _ in range(1000):
                    os.write(1, b"x" * 99_999 + b"\\n")
            case "raise":
                raise KeyboardInterrupt

    @hookimpl
    def arpanet_agent_stop(self, context):
        context.say("stranger: bye")
        Path("/var/lib/arpanet/farewell").write_text("bye")

    @hookimpl
    def arpanet_status(self, context):
        match os.environ.get("STRANGER"):
            case "hang":
                time.sleep(600)
            case "garbage":
                return ["fine"]
            case "generator":
                return self.lines()
        return [Status("stranger", "ok")]

    def lines(self):
        yield Status("stranger", "ok")
        raise RuntimeError("in the middle")
"""
REGISTRATOR = "arpanet_registrator"


class Slave:
    """A host with the registrator's agent, and the stranger in it."""

    def __init__(self, host: Host, site: Path) -> None:
        self.host, self._site = host, site
        self._given = {"ARPANET_REGISTRY": "memory://", "ARPANET_IP": host.ip}

    def arpanet(self, *argv: str, check: bool = True, **env: str) -> tuple[str, str]:
        given = {**self._given, "PYTHONPATH": str(self._site), **env}
        command = [sys.executable, "-m", "arpanet", *argv]
        done = self.host.run(command, check, env=given, timeout=120, cwd=self.host.home)
        return done.stdout, done.stderr

    def docker(self, line: str, check: bool = True) -> str:
        return self.host.run(["docker", *line.split()], check).stdout.strip()

    def serve(self, name: str) -> None:
        self.docker(f"run -d --name {name} -p 80 busybox sleep 600")

    def status(self, **env: str) -> dict[str, list[str]]:
        lines = json.loads(self.arpanet("status", "-f", "json", check=False, **env)[0])
        return {line["part"]: [line["state"], line["detail"]] for line in lines}

    def registrator(self) -> list[str]:
        return self.part("registrator")

    def part(self, part: str) -> list[str]:
        """The same of one part, without starting a command; for what is waited for."""
        try:
            found = looks.status(self.host, **self._given)[part]
        except EngineError:
            return ["", ""]
        return [found.state, found.detail]

    def says(self, words: str, seconds: float = 30) -> str:
        def log() -> str | None:
            with docker_of(self.host) as api:
                text: str = api.logs(REGISTRATOR, stdout=False).decode(errors="replace")
            return text if words in text else None

        return str(wait_for(log, seconds))

    def agent(self) -> int:
        """The pid of the agent's own process, as this machine numbers it."""
        first = int(self.docker(f"inspect -f {{{{.State.Pid}}}} {REGISTRATOR}"))
        # the host numbers it in a PID namespace of its own
        children = Path(f"/proc/{self.host.pid}/root/proc/{first}/task/{first}/children")
        inside = children.read_text().split()
        return int(inside[0]) if inside else 0

    def kill(self, pid: int, number: int) -> None:
        self.host.run(["kill", f"-{number}", str(pid)])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stranger is installed; one for all tests, so that its image is packed once."""
    site = tmp_path_factory.mktemp("site")
    info = site / "stranger-1.0.dist-info"
    info.mkdir()
    (site / "stranger.py").write_text(textwrap.dedent(PLUGIN))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[arpanet.plugins]\nstranger = stranger:Stranger\n")
    files = ("stranger.py", f"{info.name}/METADATA", f"{info.name}/entry_points.txt")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    return site


@pytest.fixture(scope="module")
def kept(dockerd: Host) -> Iterator[Host]:
    """A host on which the other agent may run from one test to the next."""
    clean(dockerd)
    yield dockerd
    clean(dockerd)


@pytest.fixture
def stranger(kept: Host, site: Path) -> Slave:
    """A host that the stranger is installed on, and where no registrator runs."""
    clean(kept, but="arpanet.part")
    kept.run(["docker", "rm", "-fv", REGISTRATOR], check=False)
    return Slave(kept, site)


@pytest.fixture
def slave(stranger: Slave) -> Slave:
    """The same, a slave with a registrator of its own."""
    stranger.arpanet("slave", "start")
    stranger.says("stranger: hello")
    return stranger


def test_a_hook_that_sleeps_for_ever_holds_up_nobody_and_is_named(slave: Slave) -> None:
    slave.serve("hang")
    slave.says("stranger: + hang")
    slave.serve("web")
    slave.says("+ busybox host1:web:80 ")
    slave.docker("rm -f web hang")
    slave.says("- busybox host1:web:80 ")  # what has gone is withdrawn all the same
    text = slave.says("plugin stranger hangs in arpanet_container_register: it is held")
    assert "stranger: + web" not in text
    state, detail = slave.status()["registrator"]
    assert state == "degraded"
    assert re.search(r"plugin stranger hangs in arpanet_container_register for \d+ s", detail)
    slave.docker(f"cp /etc/hostname {REGISTRATOR}:/var/lib/arpanet/go-on")
    slave.says("plugin stranger goes on")
    wait_for(lambda: slave.registrator() == ["ok", "instances: 0, services: 0"])
    slave.serve("later")
    slave.says("stranger: + later")
    slave.docker(f"stop {REGISTRATOR}")
    slave.says("stranger: bye")
    assert slave.docker(f"cp {REGISTRATOR}:/var/lib/arpanet/farewell -", check=False)


def test_a_hook_that_ends_the_process_is_left_out_by_name(slave: Slave) -> None:
    slave.serve("exit")
    text = slave.says("plugin stranger was left out: left out: the agent ended 3 times")
    assert (
        text.count("the agent ended: exit code 7, plugin stranger in arpanet_container_register")
        == 3
    )
    slave.serve("web")
    slave.says("+ busybox host1:web:80 ")
    wait_for(lambda: slave.registrator()[0] == "degraded")
    detail = slave.status()["registrator"][1]
    assert detail.startswith("instances: 2, services: 1")
    assert "plugin stranger was left out: the agent ended 3 times while it was in" in detail


def test_a_hundred_megabytes_and_what_else_a_hook_may_do(slave: Slave) -> None:
    slave.serve("print")
    slave.says("too much output, some is left out: plugin stranger in arpanet_container_register")
    slave.serve("raise")
    wait_for(lambda: slave.registrator()[0] == "degraded", 30)
    detail = slave.status()["registrator"][1]
    assert (
        "plugin stranger failed in arpanet_container_register (1 in all): KeyboardInter" in detail
    )
    assert detail.startswith("instances: 2, services: 1")
    size = slave.host.run(["sh", "-c", "du -cb /var/lib/docker/containers/*/*-json.log | tail -1"])
    assert int(size.stdout.split()[0]) < 4_000_000  # Docker wraps what is printed in JSON


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("hang", "plugin stranger: arpanet_status: no answer within 10 s"),
        ("garbage", "plugin stranger: arpanet_status: returned 'fine' among its Status"),
        ("generator", "plugin stranger: arpanet_status: RuntimeError: in the middle"),
    ],
)
def test_status_does_not_wait_for_a_stranger(stranger: Slave, what: str, words: str) -> None:
    parts = stranger.status()
    assert parts.pop("stranger") == ["ok", ""]
    began = time.monotonic()
    out, err = stranger.arpanet("status", "-f", "json", check=False, STRANGER=what)
    assert time.monotonic() - began < 30
    assert [line["part"] for line in json.loads(out)] == list(parts)
    (line,) = err.splitlines()
    assert line.startswith(words)


def test_one_that_is_blocked_is_blocked_in_agents_too(stranger: Slave) -> None:
    slave = stranger
    slave.arpanet("slave", "start", ARPANET_PLUGINS_BLOCKED="stranger", ARPANET_TRACE="hooks")
    text = slave.says("arpanet_containers_synced -> registrator: ")  # the trace
    assert "stranger" not in text
    states = json.loads(
        slave.arpanet("plugins", "-f", "json", ARPANET_PLUGINS_BLOCKED="stranger")[0]
    )
    assert {one["plugin"]: one["state"] for one in states}["stranger"] == "blocked"


def test_agents_that_are_killed_again_and_again_are_back_within_a_second(slave: Slave) -> None:
    slave.serve("web")
    slave.says("+ busybox host1:web:80 ")
    container = slave.docker(f"inspect -f {{{{.State.Pid}}}} {REGISTRATOR}")
    for _ in range(5):
        pid = slave.agent()
        slave.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: slave.agent() not in (0, pid), 5)
    assert slave.docker(f"inspect -f {{{{.State.Pid}}}} {REGISTRATOR}") == container
    words = "instances: 1, services: 1.*the agent ended 5 times, last: killed by SIGKILL"
    wait_for(lambda: re.match(words, slave.registrator()[1]))


def test_one_that_is_frozen_is_down(slave: Slave) -> None:
    slave.kill(slave.agent(), signal.SIGSTOP)
    wait_for(lambda: slave.registrator()[0] == "down", 30)
    assert re.search(r"its agent has not moved for \d+ s", slave.status()["registrator"][1])
    slave.kill(slave.agent(), signal.SIGCONT)
    wait_for(lambda: slave.registrator()[0] == "ok", 30)


def test_docker_comes_back_behind_another_socket(slave: Slave) -> None:
    host = slave.host
    config = host.run(["cat", "/etc/docker/daemon.json"], check=False).stdout
    merged = {**json.loads(config or "{}"), "live-restore": True}
    host.run(["tee", "/etc/docker/daemon.json"], input=json.dumps(merged))
    try:
        host.restart_docker()
        slave.docker(f"start {REGISTRATOR}")
        wait_for(lambda: slave.registrator()[0] == "ok", 30)
        first = slave.docker(f"inspect -f {{{{.State.Pid}}}} {REGISTRATOR}")
        host.stop_docker()
        left = Path(f"/proc/{host.pid}/root/proc/{first}/root/run/arpanet/agent.json")
        words = "Docker does not answer; does it run on this host?"
        wait_for(lambda: words in json.loads(left.read_text())["docker"])
        host.start_docker()
        assert slave.docker(f"inspect -f {{{{.State.Pid}}}} {REGISTRATOR}") == first
        slave.serve("web")
        slave.says("+ busybox host1:web:80 ")
        wait_for(lambda: slave.registrator() == ["ok", "instances: 1, services: 1"], 30)
        wait_for(lambda: slave.part("ambassador")[0] == "ok", 30)
        slave.docker("run -d --name r0 -p 10000:6379 redis redis-server --protected-mode no")
        where = f"{host.ip}:10000"
        slave.docker(
            f"run -d --name client --label connect.80={where} redis redis-server --port 7000"
        )
        wait_for(lambda: where in slave.arpanet("links", check=False)[0], 30)
        assert slave.docker("exec client redis-cli -h localhost -p 80 ping") == "PONG"
    finally:
        host.start_docker()
        host.run(["tee", "/etc/docker/daemon.json"], input=config or "{}")
        slave.arpanet("slave", "stop")
        host.restart_docker()


def test_what_cannot_be_written_is_told_and_stops_nobody(slave: Slave) -> None:
    """No space where it leaves its state; then no descriptor for anything."""
    engine = Engine.connect(f"unix://{slave.host.docker_socket}")
    python = (engine.inspect(REGISTRATOR) or {})["Config"]["Entrypoint"][0]
    fill = "f = open('/run/fill', 'wb', 0)\nwhile True: f.write(bytes(4096))"
    assert b"No space left" in engine.exec(REGISTRATOR, [python, "-c", fill])[2]
    slave.says("'arpanet status' learns nothing new of agent: ")
    slave.serve("web")
    slave.says("+ busybox host1:web:80 ")
    wait_for(lambda: slave.registrator()[0] == "down", 30)
    engine.exec(REGISTRATOR, [python, "-c", "import os; os.remove('/run/fill')"])
    wait_for(lambda: slave.registrator() == ["ok", "instances: 1, services: 1"], 30)
    pid = slave.agent()
    slave.host.run(["prlimit", "--pid", str(pid), "--nofile=3:4096"])
    slave.says("Too many open files")
    slave.docker("rm -f web")
    slave.host.run(["prlimit", "--pid", str(pid), "--nofile=4096:4096"])
    slave.says("- busybox host1:web:80 ", 60)
    wait_for(lambda: slave.registrator()[1].startswith("instances: 0"), 30)
    assert slave.agent() == pid
    engine.close()


@pytest.fixture
def small_disk(clean_dockerd: Host) -> Iterator[Host]:
    """The host, with a disk of 800 MB below Docker."""
    host = clean_dockerd
    host.run(["docker", "save", "-o", "/run/busybox.tar", "busybox"])
    host.stop_docker()
    host.run(["mount", "-t", "tmpfs", "-o", "size=800m", "tmpfs", "/var/lib/docker"])
    try:
        host.start_docker()
        host.run(["docker", "load", "-i", "/run/busybox.tar"])
        yield host
    finally:
        host.run(["rm", "-f", "/var/lib/docker/fill", "/run/busybox.tar"])
        clean(host)
        host.stop_docker()
        host.run(["umount", "-l", "/var/lib/docker"])
        host.start_docker()


def test_a_full_disk_below_docker_ends_no_agent(small_disk: Host, slave: Slave) -> None:
    slave.serve("web")
    slave.says("+ busybox host1:web:80 ")
    fill = ["dd", "if=/dev/zero", "of=/var/lib/docker/fill", "bs=1M"]
    assert "No space left" in small_disk.run(fill, check=False).stderr
    pid = slave.agent()
    slave.kill(pid, signal.SIGKILL)
    wait_for(lambda: slave.agent() not in (0, pid), 5)
    wait_for(lambda: slave.registrator() == ["ok", "instances: 1, services: 1"], 30)
    slave.docker("kill web", check=False)
    wait_for(lambda: slave.registrator() == ["ok", "instances: 0, services: 0"], 30)
    small_disk.run(["rm", "/var/lib/docker/fill"])
    slave.docker("start web")
    wait_for(lambda: slave.registrator() == ["ok", "instances: 1, services: 1"], 30)
