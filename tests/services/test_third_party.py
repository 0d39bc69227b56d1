"""A third party's plugin on a real host: packed into the node image, called, read, broken."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.contract.test_example import EXAMPLE, install


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the example installed in it."""
    shutil.copytree(EXAMPLE, tmp_path / "source")
    install(tmp_path / "site", tmp_path / "source")
    return tmp_path / "site"


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
    host, plugin = clean_dockerd, site / "arpanet_hello" / "plugin.py"
    plugin.write_text(plugin.read_text().replace('"deregister", container', '"x", 1 / 0, x'))
    arpanet(host, site, "slave", "start")

    def log() -> str:
        return host.run(["docker", "logs", "arpanet_registrator"]).stderr

    host.run(["docker", "run", "-d", "--name", "r0", "-p", "10000:6379", "busybox", "sleep", "600"])
    wait_for(lambda: f"+ busybox host1:r0:6379 {host.ip}:10000" in log(), 30)
    assert status(host, site)["registrator"] == ["ok", "1 instances of 1 services"]
    host.run(["docker", "rm", "-f", "r0"])
    wait_for(lambda: "- busybox host1:r0:6379" in log(), 30)
    assert "plugin hello: arpanet_container_deregister\nTraceback" in log()
    wait_for(lambda: status(host, site)["registrator"][0] == "degraded", 30)
    assert "plugins failed: hello: " in status(host, site)["registrator"][1]
    heard = json.loads(arpanet(host, site, "hello", "-f", "json"))
    assert {"event": "register", "what": "r0"} in heard
    assert {"event": "services", "what": "+busybox +busybox-6379"} in heard
    assert {"event": "services", "what": "-busybox -busybox-6379"} in heard
    arpanet(host, site, "slave", "stop")
    assert status(host, site)["registrator"][0] == "absent"
    assert host.run(["docker", "ps", "-q"]).stdout == ""
