"""Driving ``arpanet`` and docker on the hosts of a lab, as a person would."""

import json
from dataclasses import dataclass
from typing import Any

from arpanet_lab.cluster import PATIENCE, configure, form, write_rc
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from tests.conftest import wait_for
from tests.lab.looks import links, own, pid_of, services
from tests.support.labs import clean

__all__ = [
    "PATIENCE",
    "REDIS",
    "WHOLE",
    "Cluster",
    "client",
    "fails",
    "inside",
    "links",
    "marked",
    "own",
    "rows",
    "run",
    "serve",
    "services",
    "where",
    "write_rc",
]

REDIS_CLI = ("redis-cli", "-h")
REDIS = ("redis", "redis-server", "--protected-mode", "no")
#: What runs on a host that is master and slave.
WHOLE = [
    *("arpanet_backends", "arpanet_backends_agent", "arpanet_etcd"),
    *("arpanet_master", "arpanet_registrator"),
]


@dataclass
class Cluster:
    """A lab whose hosts have their ``~/.arpanetrc``."""

    lab: Lab

    @property
    def hosts(self) -> list[Host]:
        return self.lab.hosts

    def configure(self, **settings: str) -> None:
        """Write each host's ``~/.arpanetrc``."""
        configure(self.hosts, **settings)

    @property
    def addresses(self) -> str:
        return ",".join(host.ip for host in self.hosts)

    def form(self) -> None:
        """Make all hosts masters and slaves, with the commands of the README."""
        self.configure()
        form(self.hosts)

    def mend(self) -> None:
        """Put right what an earlier test may have left; costs nothing where all is right."""
        self.whole()
        self.configure()
        self.tidy()
        for host in self.hosts:
            if sorted(own(host)) != WHOLE:
                run(host, "arpanet master start --peers boot")
                run(host, "arpanet slave start")

    def whole(self) -> None:
        """Give power and wires back to the hosts that lack them."""
        for line in self.lab.status():
            if line.power == "off":
                self.lab.start(line.host)
            elif line.power == "cut":
                self.lab.heal(line.host)

    def tidy(self) -> None:
        """Remove all containers but arpanet's, once all hosts are up."""
        self.whole()
        clean(*self.hosts, but="arpanet.part")


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


def serve(host: Host, name: str = "redis", port: int = 10000, options: str = "") -> None:
    """Run a redis that says which host it is on."""
    run(host, f"docker run -d --name {name} -p {port}:6379 {options} {' '.join(REDIS)}")
    marked(host, name)


def marked(host: Host, name: str) -> None:
    """Have a redis say which host it is on, once it serves."""
    ask = [*inside(host, name), "redis-cli", "set", "where", host.name]
    wait_for(lambda: host.run(ask, check=False).stdout.strip() == "OK", every=0.1)


def client(host: Host, options: str, name: str = "client") -> None:
    """Run a client that can ask a redis."""
    run(host, f"docker run -d --name {name} {options} redis redis-server --port 7000")


def where(host: Host, dial: str, name: str = "client") -> str:
    """Return which host answers the client's link; the words of its failure when none does.

    Asks from inside the client's namespaces: Docker's exec refuses a container whose link is down.
    """
    ask = ["timeout", "10", *inside(host, name), *REDIS_CLI, dial, "get", "where"]
    done = host.run(ask, check=False)
    return done.stdout.strip() or done.stderr.strip()


def inside(host: Host, name: str) -> list[str]:
    """What a command begins with that runs in a container; cheaper than Docker's exec."""
    return ["nsenter", "-t", str(pid_of(host, name)), "-m", "-n"]
