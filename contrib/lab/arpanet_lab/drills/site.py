"""A cluster with services in use: what drills are held on."""

import json
import logging
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from arpanet import ArpanetError
from arpanet_lab.cluster import PATIENCE, everywhere
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab
from arpanet_lab.load.load import Client

__all__ = ["AGENT", "ETCD", "REGISTRATOR", "Site"]

log = logging.getLogger("arpanet.lab")

#: The containers of arpanet that accidents happen to.
AGENT, REGISTRATOR, ETCD = "arpanet_backends_agent", "arpanet_registrator", "arpanet_etcd"

_STAYS = "--restart unless-stopped"
_REDIS = f"{_STAYS} redis redis-server --protected-mode no --save ''"
_LINK = "--link arpanet_backends:redis -e BACKEND_6379=redis"
_LABEL = "--label connect.6379=redis"
#: Says again what it hears by UDP, from one process: AF_INET, SOCK_DGRAM, IPPROTO_UDP, port 9000.
_SAYS_AGAIN = (
    r'socket(S, 2, 2, 17); bind(S, pack("S n a4 x8", 2, 9000, "\0\0\0\0")) or die; '
    "while (1) { if (defined($who = recv(S, $what, 1500, 0))) { send(S, $what, 0, $who) } }"
)
_ECHO = f"{_STAYS} -e SERVICE_NAME=echo perl perl -e '{_SAYS_AGAIN}'"
_BY_UDP = "--label connect.9000/udp=echo"
_CLIENT = f"{_STAYS} busybox sleep 1000000"
#: How parts of a host are that is well.
_FINE = ("ok", "absent")
#: Where the services are published.
_PORT, _MOVER_PORT, _ECHO_PORT = 10000, 10001, 10002
#: Seconds in which all must be as before by itself, and after something was done by hand: Docker's
#: pause before it starts a container again grows up to a minute.
HEALS, MENDED = 90.0, 120.0


@dataclass
class Site:
    """Three hosts, each a master and a slave.

    The service ``redis`` has an instance on host1 and on host2, and clients of both link forms on
    host1 and on host3; ``echo`` is the same, with clients by UDP. ``mover`` has an instance on
    host3, where its client is, too; another one is on host1 or on host2.

    :ivar stops: when that one stopped, in seconds since the epoch.
    :ivar at: which of the first two hosts it is on, 0 or 1.
    :ivar ahead: seconds by which the clock of a host's Docker is wrong.
    :ivar forms: of the clients' links: by ``link``, and where the plane can carry them, by
        ``label`` and by ``udp``.
    """

    lab: Lab
    stops: list[float] = field(default_factory=list)
    at: int = 0
    ahead: dict[str, float] = field(default_factory=dict)
    forms: tuple[str, ...] = ("link", "label", "udp")

    @property
    def hosts(self) -> list[Host]:
        """Its hosts."""
        return self.lab.hosts

    # -- making ----------------------------------------------------------------------------------

    def make(self) -> None:
        """Start the services and their clients."""
        one, two, three = self.hosts
        mover = f"-e SERVICE_NAME=mover -p {_MOVER_PORT}:6379 {_REDIS}"
        for host in (one, two):
            _sh(host, f"docker run -d --name redis -p {_PORT}:6379 {_REDIS}")
            _sh(host, f"docker run -d --name echo -p {_ECHO_PORT}:9000/udp {_ECHO}")
            _sh(host, f"docker create --name mover {mover}")
        _sh(one, "docker start mover")
        _sh(three, f"docker run -d --name stayer {mover}")
        _sh(three, f"docker run -d --name mover-client --label connect.6379=mover {_CLIENT}")
        for host in (one, three):
            _sh(host, f"docker run -d --name link {_LINK} {_CLIENT}")
            _sh(host, f"docker run -d --name label {_LABEL} {_CLIENT}")
            _sh(host, f"docker run -d --name udp {_BY_UDP} {_CLIENT}")
        self.name()
        self.heal()

    def name(self) -> None:
        """Have each redis say which host it is on: one that has begun anew knows it no more."""
        for host in self.hosts[:2]:
            _until(partial(_named, host), f"redis on {host.name} answers")

    def clients(self) -> dict[tuple[str, str], Client]:
        """Return those of redis and echo, by host and link form."""
        found = {}
        for host in (self.hosts[0], self.hosts[2]):
            inspect = "docker inspect -f '{{.NetworkSettings.IPAddress}}' arpanet_backends"
            found[host.name, "link"] = Client(host, "link", 6379, _sh(host, inspect))
            found[host.name, "label"] = Client(host, "label", 6379)
            found[host.name, "udp"] = Client(host, "udp", 9000, protocol="udp")
        return {key: one for key, one in found.items() if key[1] in self.forms}

    def registered(self) -> frozenset[str]:
        """Return the ids of what is registered, as host3 sees it, but for what moves."""
        rows = next(_asked(self.hosts[2:], "services"))[1]
        return frozenset(one["instance"] for one in rows if ":mover:" not in one["instance"])

    def mover(self) -> Client:
        """Return the client of the service that moves."""
        return Client(self.hosts[2], "mover-client", 6379, every=0.02, held=0)

    # -- what happens ----------------------------------------------------------------------------

    def move(self) -> None:
        """Kill the instance that moves, note when it was dead, and start it on the other host."""
        old, new = self.hosts[self.at], self.hosts[1 - self.at]
        _sh(old, "docker kill mover")
        self.stops.append(_finished(old) - self.ahead.get(old.name, 0.0))
        self.at = 1 - self.at
        _sh(new, "docker start mover")

    def heal(self) -> list[str]:
        """Wait until all hosts are well; where that does not come, do it by hand: return what.

        :raises ArpanetError: they are not well even so.
        """
        if not (left := self._wait_well(HEALS)):
            return []
        done = [f"{'; '.join(left)}: arpanet slave start, master start"]
        everywhere(self.hosts, "arpanet master start --peers boot")
        everywhere(self.hosts, "arpanet slave start")
        if left := self._wait_well(MENDED):
            raise ArpanetError(f"the cluster is not well: {'; '.join(left)}")
        return done

    def _wait_well(self, seconds: float) -> list[str]:
        deadline = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            left = self.troubles()
            now = time.monotonic()
            if not left or now > deadline:
                return left
            log.debug("not yet: %s", "; ".join(left))
            time.sleep(max(0.5, now - began))  # what is looked at needs the processor, too

    def troubles(self) -> list[str]:
        """Return what is not as it should be, according to each host's own command line."""
        one, two, three = self.hosts
        found = []
        # the rest is asked only once these are well: a command line takes half a second
        for host, rows in _asked((one, three), "links"):
            found += self._link_troubles(host, rows)
        for host, rows in [] if found else _asked((one, two, three), "status"):
            bad = [f"{p['part']} is {p['state']}" for p in rows if p["state"] not in _FINE]
            found += [f"{host.name}: {words}" for words in bad or ([] if rows else ["no status"])]
        return found

    def _link_troubles(self, host: Host, links: Sequence[dict[str, Any]]) -> list[str]:
        ports = (_PORT, _MOVER_PORT, _ECHO_PORT)
        place = {f"{h.ip}:{p}": f"{h.name}:{p}" for h in self.hosts for p in ports}
        found, seen = [], {}
        for link in links:
            seen[link["client"]] = {place.get(one, "here") for one in link["targets"].split()}
            if link["error"] or "unconfirmed" in link["note"]:
                found.append(f"{host.name}: {link['client']}: {link['error'] or link['note']}")
        for client, wanted in self._wanted(host).items():
            if client in Site.forms and client not in self.forms:
                continue
            if seen.get(client) != wanted:
                found.append(f"{host.name}: {client} has {sorted(seen.get(client, ()))}")
        return found

    def _wanted(self, host: Host) -> dict[str, set[str]]:
        """Return each client's targets; ``here`` is a container of its own host."""
        first = "here" if host.name == "host1" else "host1:{}"
        ports = {"link": _PORT, "label": _PORT, "udp": _ECHO_PORT}
        found = {client: {first.format(port), f"host2:{port}"} for client, port in ports.items()}
        if host.name == "host3":
            found["mover-client"] = {"here", f"{self.hosts[self.at].name}:{_MOVER_PORT}"}
        return found


def _sh(host: Host, line: str) -> str:
    return host.run(["sh", "-c", line], timeout=PATIENCE).stdout.strip()


def _asked(hosts: Sequence[Host], what: str) -> Iterator[tuple[Host, Sequence[dict[str, Any]]]]:
    """Ask hosts at the same time; one that has no answer yields no rows."""
    running = [
        host.popen(
            ["arpanet", what, "-f", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for host in hosts
    ]
    for host, process in zip(hosts, running, strict=True):
        try:
            yield host, json.loads(process.communicate(timeout=PATIENCE)[0])
        except ValueError:
            yield host, ()


def _named(host: Host) -> bool:
    ask = ["docker", "exec", "redis", "redis-cli", "set", "where", host.name]
    return host.run(ask, check=False).stdout.strip() == "OK"


def _finished(host: Host) -> float:
    """Return when the instance that moves was dead, by its host's Docker."""
    said = _sh(host, "docker inspect -f '{{.State.FinishedAt}}' mover")
    return datetime.fromisoformat(said).timestamp()


def _until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ArpanetError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
