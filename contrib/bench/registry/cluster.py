"""Three etcd members on loopback, and how much passes there."""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arpanet import Identity, RegistryUnreachable

__all__ = ["Members", "members", "passed"]

_PATIENCE = 60.0
#: As this process's network namespace has them, which files below /sys need not be of.
_DEVICES = Path("/proc/self/net/dev")


class Members:
    """They share a disk, with their clients and each other.

    :param first: the lowest of the ports that they use.
    :param me: what they show to clients and each other; ``None``: they speak without TLS.
    :ivar masters: ``ip:port`` of each, as ``ARPANET_MASTERS`` has it.
    """

    def __init__(self, place: Path, first: int = 20001, me: Identity | None = None) -> None:
        self._place, self._me = place, me
        place.mkdir(exist_ok=True)
        self._ports = [(first + 2 * number, first + 1 + 2 * number) for number in range(3)]
        self.masters = ",".join(f"127.0.0.1:{client}" for client, _ in self._ports)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all, each with the data that it has.

        :raises RegistryUnreachable: they do not form a cluster.
        """
        scheme = "https" if self._me else "http"
        peers = ",".join(f"m{peer}={scheme}://127.0.0.1:{peer}" for _, peer in self._ports)
        for client, peer in self._ports:
            # it ends with this process, however that ends
            argv = [
                "setpriv",
                "--pdeathsig=KILL",
                "etcd",
                f"--name=m{peer}",
                f"--data-dir={self._place / f'm{peer}'}",
            ]
            argv += [f"--listen-client-urls={scheme}://127.0.0.1:{client}"]
            argv += [f"--advertise-client-urls={scheme}://127.0.0.1:{client}"]
            argv += [f"--listen-peer-urls={scheme}://127.0.0.1:{peer}"]
            argv += [f"--initial-advertise-peer-urls={scheme}://127.0.0.1:{peer}"]
            argv += [f"--initial-cluster={peers}", *(_tls(self._me) if self._me else ())]
            with (self._place / f"m{peer}.log").open("ab") as log:
                self._running.append(subprocess.Popen(argv, stdout=log, stderr=log))
        ends = time.monotonic() + _PATIENCE
        while not all(self._healthy(client) for client, _ in self._ports):
            if time.monotonic() > ends:
                raise RegistryUnreachable("the three members form no cluster")
            time.sleep(0.1)

    def _healthy(self, port: int) -> bool:
        scheme, context = ("https", self._me.client()) if self._me else ("http", None)
        url = f"{scheme}://127.0.0.1:{port}/health"
        try:
            with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310
                return b"true" in answer.read()
        except OSError:
            return False

    def kill(self) -> None:
        """As a power cut does it."""
        for one in self._running:
            one.kill()
        while self._running:
            self._running.pop().wait()


@contextmanager
def members(place: Path, first: int = 20001, me: Identity | None = None) -> Iterator[Members]:
    """Have three that run, their data in *place*; see :class:`Members`."""
    found = Members(place, first, me)
    try:
        found.start()
        yield found
    finally:
        found.kill()


def _tls(me: Identity) -> Iterator[str]:
    """As arpanet's own masters have it, but for the list of who is shut out: nobody is."""
    for side in ("", "peer-"):
        yield f"--{side}cert-file={me.certificate}"
        yield f"--{side}key-file={me.key}"
        yield f"--{side}trusted-ca-file={me.ca}"
        yield f"--{side}client-cert-auth"
    yield "--bcrypt-cost=4"


def passed() -> int:
    """Return the bytes that have passed on loopback."""
    return int(_DEVICES.read_text().partition("lo:")[2].split()[0])
