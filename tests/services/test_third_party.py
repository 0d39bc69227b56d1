"""Third parties' plugins on a real host: packed into the node image, called, read, broken."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.contract.house import ROOT
from tests.contract.test_example import install
from tests.lab import looks


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the example, and the plugin for Consul, installed in it.

    The example fails when a container goes. One for all tests, so that its image is packed once.
    """
    base = tmp_path_factory.mktemp("site")
    names = ("example", "consul")
    install(base / "site", *(shutil.copytree(ROOT / "contrib" / n, base / n) for n in names))
    plugin = base / "site" / "arpanet_hello" / "plugin.py"
    plugin.write_text(plugin.read_text().replace('"deregister", container', '"x", 1 / 0, x'))
    return base / "site"


#: A Consul in which the service web is where a line of the input says.
CONSUL = """
import sys
from consul import Consul, at
server = Consul(8500)
for line in sys.stdin:
    server.change("web", at(line.strip(), 80))
"""


@pytest.fixture
def consul(clean_dockerd: Host) -> Iterator[Callable[[str], None]]:
    """Run what stands in for Consul on the host; say where its service is."""
    host, there = clean_dockerd, {"PYTHONPATH": str(ROOT / "contrib" / "consul" / "tests")}
    process = host.popen(
        [sys.executable, "-c", CONSUL], env=there, stdin=subprocess.PIPE, text=True, cwd=host.home
    )

    def say(address: str) -> None:
        assert process.stdin
        print(address, file=process.stdin, flush=True)

    yield say
    process.communicate(timeout=10)


def arpanet(host: Host, site: Path, *argv: str, check: bool = True) -> str:
    env = {"ARPANET_REGISTRY": "memory://", "ARPANET_IP": host.ip, "PYTHONPATH": str(site)}
    # not from the checkout: what it holds would be imported instead of what is installed
    command = [sys.executable, "-m", "arpanet", *argv]
    done = host.run(command, check, env=env, timeout=280, cwd=host.home)
    return done.stdout if check else done.stdout + done.stderr


def status(host: Host, site: Path) -> dict[str, list[str]]:
    lines = json.loads(arpanet(host, site, "status", "-f", "json", check=False))
    return {line["part"]: [line["state"], line["detail"]] for line in lines}


def test_it_runs_in_the_agents_container_and_stops_nobody(clean_dockerd: Host, site: Path) -> None:
    host = clean_dockerd
    arpanet(host, site, "slave", "start")

    def log() -> str:
        return host.run(["docker", "logs", "arpanet_registrator"]).stderr

    host.run(["docker", "run", "-d", "--name", "r0", "-p", "10000:6379", "busybox", "sleep", "600"])
    wait_for(lambda: f"+ busybox host1:r0:6379 {host.ip}:10000" in log(), 30)
    assert status(host, site)["registrator"] == ["ok", "instances: 1, services: 1"]
    host.run(["docker", "rm", "-f", "r0"])
    wait_for(lambda: "- busybox host1:r0:6379" in log(), 30)
    assert "plugin hello: arpanet_container_deregister\nTraceback" in log()
    given = {"ARPANET_REGISTRY": "memory://", "ARPANET_IP": host.ip}
    wait_for(lambda: looks.status(host, **given)["registrator"].state == "degraded", 30)
    words = "plugin hello failed in arpanet_container_deregister (1 in all): ZeroDivisionError"
    assert words in status(host, site)["registrator"][1]
    heard = json.loads(arpanet(host, site, "hello", "-f", "json"))
    assert {"event": "register", "what": "r0"} in heard
    assert {"event": "services", "what": "+busybox +busybox-6379"} in heard
    assert {"event": "services", "what": "-busybox -busybox-6379"} in heard
    arpanet(host, site, "slave", "stop")
    assert status(host, site)["registrator"][0] == "absent"
    assert host.run(["docker", "ps", "-q"]).stdout == ""


def test_links_lead_where_consul_says(
    clean_dockerd: Host, site: Path, consul: Callable[[str], None]
) -> None:
    host = clean_dockerd

    def docker(*argv: str) -> str:
        return host.run(["docker", *argv], timeout=60).stdout.strip()

    for name in ("one", "two"):
        docker("run", "-d", "--name", name, "busybox", "nc", "-ll", "-p", "80", "-e", "echo", name)
    docker(
        "run",
        "-d",
        "--name",
        "client",
        "--label",
        "connect.8000=consul:web",
        "busybox",
        "sleep",
        "600",
    )
    arpanet(host, site, "slave", "start")

    def reached() -> str:
        argv = ["docker", "exec", "client", "nc", "-w", "2", "127.0.0.1", "8000"]
        return host.run(argv, check=False, timeout=60).stdout.strip()

    for name in ("one", "two"):
        consul(docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name))
        wait_for(lambda name=name: reached() == name, 30, 0.2)  # type: ignore[misc]
    (row,) = json.loads(arpanet(host, site, "links", "-f", "json"))
    assert (row["backend"], row["error"]) == ("consul:web", "")
    arpanet(host, site, "slave", "stop")
