"""Driving ``arpanet`` and docker on the hosts of a lab, as a person would."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from tests.conftest import wait_for

#: Seconds for a command that may have to pack an image or wait for a quorum.
PATIENCE = 120.0
REDIS_CLI = ("redis-cli", "-h")
REDIS = ("redis", "redis-server", "--protected-mode", "no")


@dataclass
class Cluster:
    """A lab whose hosts have their ``~/.arpanetrc``."""

    lab: Lab

    @property
    def hosts(self) -> list[Host]:
        return self.lab.hosts

    def configure(self) -> None:
        """Write each host's ``~/.arpanetrc``."""
        for host in self.hosts:
            write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=self.addresses)

    @property
    def addresses(self) -> str:
        return ",".join(host.ip for host in self.hosts)

    def form(self) -> None:
        """Make all hosts masters and slaves, with the commands of the README."""
        self.configure()
        first, *others = self.hosts
        run(first, "arpanet master start --peers boot")
        for host in others:
            run(host, f"arpanet master start --peers {first.ip}:7001")
        self.everywhere("arpanet slave start")

    def everywhere(self, line: str) -> None:
        """Run a command on all hosts at the same time."""
        started = [
            host.popen(line.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for host in self.hosts
        ]
        for process in started:
            words = process.communicate(timeout=PATIENCE)[0]
            assert process.returncode == 0, words


def write_rc(host: Host, **settings: str) -> None:
    """Replace ``~/.arpanetrc`` the way editors do: a new file, renamed."""
    fresh = host.home / ".arpanetrc.new"
    fresh.write_text("".join(f"export {name}={value}\n" for name, value in settings.items()))
    fresh.chmod(0o600)
    fresh.rename(host.home / ".arpanetrc")


def run(host: Host, line: str, **options: Any) -> str:
    """Run a command line; returns its stdout; a failure raises with its words."""
    return host.run(line.split(), timeout=PATIENCE, **options).stdout.strip()


def fails(host: Host, line: str, **options: Any) -> tuple[int, str]:
    """Run a command that is to fail: its exit code, and the one line that it says last."""
    done = host.run(line.split(), check=False, timeout=PATIENCE, **options)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


def rows(host: Host, command: str) -> list[dict[str, Any]]:
    """Return what a data command prints."""
    found: list[dict[str, Any]] = json.loads(run(host, f"arpanet {command} -f json"))
    return found


def services(host: Host) -> dict[str, list[str]]:
    """Service -> its addresses, as *host* sees them."""
    found: dict[str, list[str]] = {}
    for row in rows(host, "services"):
        found.setdefault(row["service"], []).append(row["address"])
    return found


def own(host: Host) -> dict[str, str]:
    """Name -> id of arpanet's containers on *host* that run."""
    lines = run(
        host, "docker ps --no-trunc --filter label=arpanet.part --format {{.Names}}={{.ID}}"
    )
    # a container that others link to has their names for it as well, behind commas
    pairs = (line.split("=") for line in lines.splitlines())
    return {name.split(",")[0]: identity for name, identity in pairs}


def serve(host: Host, name: str = "redis", port: int = 10000, options: str = "") -> None:
    """Run a redis that says which host it is on."""
    run(host, f"docker run -d --name {name} -p {port}:6379 {options} {' '.join(REDIS)}")
    ask = f"docker exec {name} redis-cli set where {host.name}"
    wait_for(lambda: host.run(ask.split(), check=False).stdout.strip() == "OK")


def client(host: Host, options: str, name: str = "client") -> None:
    """Run a client that can ask a redis."""
    run(host, f"docker run -d --name {name} {options} redis redis-server --port 7000")


def where(host: Host, dial: str, name: str = "client") -> str:
    """Return which host answers the client's link; the words of its failure when none does.

    Asks from inside the client's namespaces: Docker's exec refuses a container whose link is down.
    """
    pid = run(host, f"docker inspect -f {{{{.State.Pid}}}} {name}")
    ask = ["timeout", "3", "nsenter", "-t", pid, "-m", "-n", *REDIS_CLI, dial, "get", "where"]
    done = host.run(ask, check=False)
    return done.stdout.strip() or done.stderr.strip()
