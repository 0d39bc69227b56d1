"""Three etcd members on loopback, and how much passes there."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arpanet import RegistryUnreachable

__all__ = ["Members", "members", "passed"]

_PATIENCE = 60.0
#: As this process's network namespace has them, which files below /sys need not be of.
_DEVICES = Path("/proc/self/net/dev")


class Members:
    """They share a disk, with their clients and each other.

    :ivar masters: ``ip:port`` of each, as ``ARPANET_MASTERS`` has it.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ports = [(20001 + 2 * number, 20002 + 2 * number) for number in range(3)]
        self.masters = ",".join(f"127.0.0.1:{client}" for client, _ in self._ports)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all, each with the data that it has.

        :raises RegistryUnreachable: they do not form a cluster.
        """
        peers = ",".join(f"m{peer}=http://127.0.0.1:{peer}" for _, peer in self._ports)
        for client, peer in self._ports:
            # it ends with this process, however that ends
            argv = [
                "setpriv",
                "--pdeathsig=KILL",
                "etcd",
                f"--name=m{peer}",
                f"--data-dir={self._place / f'm{peer}'}",
            ]
            argv += [f"--listen-client-urls=http://127.0.0.1:{client}"]
            argv += [f"--advertise-client-urls=http://127.0.0.1:{client}"]
            argv += [f"--listen-peer-urls=http://127.0.0.1:{peer}"]
            argv += [f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}"]
            argv += [f"--initial-cluster={peers}"]
            with (self._place / f"m{peer}.log").open("ab") as log:
                self._running.append(subprocess.Popen(argv, stdout=log, stderr=log))
        ends = time.monotonic() + _PATIENCE
        while not all(_healthy(client) for client, _ in self._ports):
            if time.monotonic() > ends:
                raise RegistryUnreachable("the three members form no cluster")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut does it."""
        for one in self._running:
            one.kill()
        while self._running:
            self._running.pop().wait()


@contextmanager
def members(place: Path) -> Iterator[Members]:
    """Have three that run, their data in *place*."""
    found = Members(place)
    try:
        found.start()
        yield found
    finally:
        found.kill()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return b"true" in answer.read()
    except OSError:
        return False


def passed() -> int:
    """Return the bytes that have passed on loopback."""
    return int(_DEVICES.read_text().partition("lo:")[2].split()[0])
