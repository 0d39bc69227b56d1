"""The cluster's other hosts: real sessions in a real etcd, with all of the cluster's instances."""

import os
import subprocess
import time

from arpanet import Host, Instance, Session
from contrib.bench.registry.reach import TTL, registry_of

__all__ = ["HOSTS", "SERVICES", "Hosts"]

SERVICES, HOSTS = 100, 50
#: Seconds until all that they have is there; between two looks.
_PATIENCE, _AGAIN = 120.0, 0.02


class Hosts:
    """All of them, in this process.

    :param masters: ``ip:port``, by commas.
    """

    def __init__(self, masters: str, instances: int) -> None:
        os.environ[TTL] = "3600"  # none is to notice what is taken from it, and put it back
        self._master = masters.partition(",")[0]
        self._every = [_instance(number) for number in range(instances)]
        self._there = [set[int]() for _ in range(HOSTS)]
        for number in range(instances):
            self._there[_place(number)[0]].add(number)
        registries = [registry_of(masters, f"hosts{part}") for part in range(2)]
        self._sessions: list[Session] = [
            registries[host % 2].session(_host(host)) for host in range(HOSTS)
        ]
        for host in range(HOSTS):
            self._publish(host)
        ends = time.monotonic() + _PATIENCE
        while any(one.trouble for one in self._sessions):
            if time.monotonic() > ends:
                raise TimeoutError("the hosts' instances are not written")
            time.sleep(_AGAIN)
        self._lost: dict[str, str] = {}

    def _publish(self, host: int) -> None:
        self._sessions[host].publish([self._every[one] for one in sorted(self._there[host])])

    @property
    def count(self) -> int:
        """How many instances there are now, without those that are lost."""
        return sum(map(len, self._there))

    def toggle(self, number: int) -> None:
        """Have an instance go, or come back."""
        host = _place(number)[0]
        self._there[host] ^= {number}
        self._publish(host)

    def lose(self, number: int) -> None:
        """Have an instance's entry vanish though nobody withdrew it, or be there again."""
        key = f"/bench/instances/host{_place(number)[0]}/{self._every[number].id}"
        if text := self._lost.pop(key, ""):
            self._etcdctl("put", key, "--", text)
        else:
            self._lost[key] = self._etcdctl("get", "--print-value-only", key).strip()
            self._etcdctl("del", key)

    def _etcdctl(self, *words: str) -> str:
        argv = ["etcdctl", f"--endpoints=http://{self._master}", *words]
        environment = {**os.environ, "ETCDCTL_API": "3"}  # before 3.4 it spoke another
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
        return done.stdout


def _host(number: int) -> Host:
    roles = ("slave",)
    return Host(f"host{number}", f"10.1.0.{number + 1}", f"engine-{number}", roles, "1.0.0", 1.7e9)


def _place(number: int) -> tuple[int, int]:
    """Return an instance's host, and which one of that host's it is: a service's are spread."""
    more, service = divmod(number, SERVICES)
    return more % HOSTS, more // HOSTS * SERVICES + service


def _instance(number: int) -> Instance:
    at, which = _place(number)
    host = _host(at)
    return Instance(
        id=f"{host.name}:web-{number}:8080",
        services=(f"service{number % SERVICES}",),
        host=host.name,
        ip=host.address,
        port=20000 + which,
        container=f"{number:064x}",
        tags=("http", "green"),
        attrs={"region": "eu-1", "release": "2024.11", "team": "shop"},
        health="healthy",
        local={"bridge": f"172.17.{which // 250}.{2 + which % 250}:8080"},
        started=1.7e9 + number,
    )
