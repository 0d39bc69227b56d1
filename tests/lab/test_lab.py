"""The lab itself: real hosts, real accidents."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from arpanet.errors import ArpanetError, UsageError
from tests.conftest import SLOW, wait_for

SERVER = ["run", "-d", "-p", "7000:7000", "busybox", "nc", "-ll", "-p", "7000", "-e", "hostname"]


def reaches(host: Host, address: str, port: int = 7000) -> bool:
    command = ["timeout", "1", "bash", "-c", f": < /dev/tcp/{address}/{port}"]
    return host.run(command, check=False).returncode == 0


def docker(host: Host, *words: str) -> str:
    return host.run(["docker", *words]).stdout.strip()


def power(lab: Lab) -> list[str]:
    return [line.power for line in lab.status()]


def test_each_host_is_its_own(lab: Lab) -> None:
    assert [host.run(["hostname"]).stdout for host in lab.hosts] == [
        "host1\n",
        "host2\n",
        "host3\n",
    ]
    engines = {docker(host, "info", "-f", "{{.Name}} {{.ID}}") for host in lab.hosts}
    assert len(engines) == 3
    for host in lab.hosts:
        (host.home / "mark").write_text(host.name)
        assert host.run(["sh", "-c", "cat ~/mark; echo $HOSTNAME"]).stdout == host.name * 2 + "\n"
        assert host.run(["getent", "hosts", "host3"]).stdout.split()[0] == lab.host("host3").ip
        host.run(["sh", "-c", "echo '# mine' > /etc/mine; ls /sys/class/net/docker0"])
        assert host.run(["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout == "1\n"


def test_containers_reach_each_other_over_published_ports(clean_lab: Lab) -> None:
    host1, host2, _ = clean_lab.hosts
    docker(host1, *SERVER)
    wait_for(lambda: reaches(host2, host1.ip))
    greeting = docker(host2, "run", "--rm", "busybox", "nc", "-w", "2", host1.ip, "7000")
    assert greeting and docker(host1, "ps", "-q").startswith(greeting)


def test_run_passes_all_through(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARPANET_IP", "192.0.2.1")
    host = lab.host("host1")
    told = host.run(
        ["sh", "-c", "cat; echo $A$ARPANET_IP >&2; exit 7"], False, env={"A": "b"}, input="x"
    )
    assert (told.returncode, told.stdout, told.stderr) == (7, "x", "b\n")
    assert host.run(["no-such-thing"], check=False).returncode == 127
    assert host.run(["sh", "-c", "kill -9 $$"], check=False).returncode == 128 + 9
    assert host.run(["pwd"], cwd="/run").stdout == "/run\n"
    with pytest.raises(ArpanetError, match="host1: `false` ended with 1"):
        host.run(["false"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_the_command(lab: Lab, number: signal.Signals) -> None:
    host = lab.host("host1")
    process = host.popen(["sleep", "98765"])
    alive = ["pgrep", "-fx", "sleep 98765"]
    wait_for(lambda: host.run(alive, check=False).returncode == 0)
    process.send_signal(number)
    assert process.wait(60) in (128 + number, -number)
    wait_for(lambda: host.run(alive, check=False).returncode == 1)


def test_time_limit(lab: Lab) -> None:
    host = lab.host("host1")
    with pytest.raises(subprocess.TimeoutExpired):
        host.run(["sleep", "97531"], timeout=0.3)
    wait_for(lambda: host.run(["pgrep", "-fx", "sleep 97531"], check=False).returncode == 1)


def test_cut_and_heal(clean_lab: Lab) -> None:
    host1, host2, host3 = clean_lab.hosts
    docker(host1, *SERVER)
    wait_for(lambda: reaches(host2, host1.ip))
    clean_lab.cut("host1")
    assert power(clean_lab) == ["cut", "up", "up"]
    assert not reaches(host2, host1.ip) and not reaches(host1, host3.ip, 22)
    assert reaches(host1, host1.ip)
    clean_lab.kill("host1")
    clean_lab.start("host1")
    assert power(clean_lab) == ["cut", "up", "up"], "a cut outlives a reboot"
    clean_lab.heal("host1")
    docker(host1, *SERVER)
    wait_for(lambda: reaches(host2, host1.ip))


def test_a_slow_wire(lab: Lab) -> None:
    """A refusal takes there and back."""
    address = (lab.host("host1").ip, 9)

    def took() -> float:
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=60)
        return time.monotonic() - began

    with lab.slowed("host1", 0.2, 0.05):
        assert took() >= 0.3
    with lab.slowed("host1", 20.0, 0.0, port=7001):
        assert took() < 20  # as long as ever
    assert took() < 20


def test_kill_and_start(clean_lab: Lab) -> None:
    host1, host2, host3 = clean_lab.hosts
    docker(host3, *SERVER[:2], "--restart=always", *SERVER[2:])
    docker(host3, "run", "-d", "--name", "once", "busybox", "sleep", "99999")
    host3.run(["touch", "/run/mark", "/etc/mark"])
    wait_for(lambda: reaches(host1, host3.ip))
    began = time.monotonic()
    clean_lab.kill("host3")
    assert time.monotonic() - began < 2 * SLOW
    assert power(clean_lab) == ["up", "up", "off"]
    assert not reaches(host1, host3.ip)
    with pytest.raises(ArpanetError, match="host3 is off; arpanet lab start host3"):
        host3.run(["true"])
    assert clean_lab.start("host3")
    assert not clean_lab.start("host3")
    assert not host3.run(["ls", "/run/mark"], check=False).stdout
    assert host3.run(["ls", "/etc/mark"]).stdout
    wait_for(lambda: reaches(host1, host3.ip))
    states = docker(host3, "ps", "-a", "--format", "{{.Image}} {{.Names}} {{.State}}").splitlines()
    assert "busybox once exited" in states and len(states) == 2
    assert reaches(host1, host3.ip) and not reaches(host1, host2.ip)


HOLDS = """\
import socket, sys
listener = socket.create_server(("", 7000))
held = listener.accept()[0]
sys.stdin.read()
"""
WAITS = """\
import socket, sys, time
while True:
    try:
        held = socket.create_connection((sys.argv[1], 7000), 1)
        break
    except OSError:
        time.sleep(0.1)
print("connected", flush=True)
sys.stdin.read()
"""


def test_a_power_cut_says_nothing_to_others(clean_lab: Lab) -> None:
    """A kernel ends the connections of processes that die, and tells whoever it reaches."""
    host1, host2, _ = clean_lab.hosts
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        host1.popen(["python3", "-c", HOLDS], **piped) as server,
        host2.popen(["python3", "-c", WAITS, host1.ip], **piped) as client,
    ):
        assert client.stdout and client.stdout.readline() == "connected\n"
        clean_lab.kill("host1")  # all of its processes are gone when this returns
        server.wait()
        live = host2.run(["ss", "-Htn", "state", "established", f"dst {host1.ip}:7000"]).stdout
        assert live.count("\n") == 1
        client.kill()


def test_docker_restarts_within_a_host(clean_lab: Lab) -> None:
    host = clean_lab.host("host2")
    options = ["-d", "--name", "stays", "--restart=always", "--stop-timeout=0"]
    docker(host, "run", *options, "busybox", "sleep", "99999")
    host.run(["sh", "-c", 'echo \'{"labels": ["a=b"]}\' > /etc/docker/daemon.json'])
    host.restart_docker()
    assert docker(host, "info", "-f", "{{.Labels}}") == "[a=b]"
    wait_for(lambda: docker(host, "ps", "--format", "{{.Names}}") == "stays")
    host.run(["pkill", "-9", "-x", "dockerd"])
    wait_for(lambda: not clean_lab.status()[1].docker)
    host.start_docker()
    wait_for(lambda: docker(host, "ps", "--format", "{{.Names}}") == "stays")
    host.run(["rm", "/etc/docker/daemon.json"])
    host.restart_docker()


def test_hosts_share_what_images_are_made_of(clean_lab: Lab) -> None:
    def program(host: Host) -> Path:
        inside = docker(host, "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "busybox")
        place = host.directory / Path(inside).relative_to("/var/lib")
        return next(place.rglob("busybox"))

    host1, host2, _ = clean_lab.hosts
    assert program(host1).samefile(program(host2))
    docker(host1, "rmi", "busybox")
    assert docker(host2, "run", "--rm", "busybox", "echo", "there") == "there"
    clean_lab.load_image("busybox", ["host1"])
    assert docker(host1, "run", "--rm", "busybox", "echo", "again") == "again"


def test_what_cannot_be(lab: Lab) -> None:
    for method in (lab.host, lab.cut, lab.heal, lab.kill, lab.start):
        with pytest.raises(UsageError, match="has no host4; it has host1 host2 host3"):
            method("host4")
    with pytest.raises(UsageError, match="has 3 hosts already"):
        lab.up(2)
    assert lab.up(3) == []
