"""Clients of a lab under load: one dialer each, and what they noticed."""

import json
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.host import Host

__all__ = ["Client", "Figures", "Load", "loaded"]

_DIALER = Path(__file__).with_name("dialer.py")
#: Seconds for a client's first answer, and for its report.
READY, REPORT = 30.0, 15.0


@dataclass(frozen=True)
class Client:
    """A container, and what its app dials: an address inside its network namespace.

    :ivar every: seconds between two new connections.
    :ivar held: how many connections it holds.
    :ivar protocol: ``tcp`` or ``udp``, by which each socket counts as a connection.
    """

    host: Host
    container: str
    port: int
    address: str = "127.0.0.1"
    every: float = 0.01
    held: int = 4
    protocol: str = "tcp"


@dataclass(frozen=True)
class Figures:
    """What one client noticed; times are seconds since the epoch.

    :ivar failed: (when, how long it took, why) of each new connection that got no answer.
    :ivar broken: (when, why, which host served it) of each held connection that ended.
    :ivar stalled: seconds that the client itself was not let run, which count in no limit.
    """

    dialled: int
    answers: Mapping[str, int]
    failed: Sequence[tuple[float, float, str]]
    held: int
    broken: Sequence[tuple[float, str, str]]
    slowest: float
    stalled: float = 0.0

    @property
    def outage(self) -> float:
        """Seconds from the first failed connection to the end of the last."""
        if not self.failed:
            return 0.0
        return max(when + took for when, took, _ in self.failed) - self.failed[0][0]

    def __str__(self) -> str:
        kinds = Counter(why for _, _, why in self.failed)
        words = ", ".join(f"{count} {why}" for why, count in kinds.most_common())
        broke = f"{len(self.broken)} of {self.held} held broken"
        failed = f"{len(self.failed)} of {self.dialled} failed"
        own = f", itself stopped for {self.stalled:.1f} s" if self.stalled else ""
        return f"{failed}{f' ({words}, over {self.outage:.1f} s)' if words else ''}, {broke}{own}"


class Load:
    """Running dialers. Made by :func:`loaded`."""

    def __init__(self) -> None:
        self._running: dict[Client, subprocess.Popen[str]] = {}
        #: what each client noticed; there once the load has ended
        self.figures: dict[Client, Figures] = {}

    def start(self, client: Client) -> None:
        """Begin to dial."""
        inspect = ["docker", "inspect", "-f", "{{.State.Pid}}", client.container]
        pid = client.host.run(inspect).stdout.strip()
        dialer = [sys.executable, "-I", str(_DIALER), client.address, str(client.port)]
        dialer += [f"--every={client.every}", f"--held={client.held}"]
        dialer += ["--udp"] if client.protocol == "udp" else []
        self._running[client] = client.host.popen(
            ["nsenter", "--target", pid, "--net", *dialer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        """Wait until each client was answered.

        :raises ArpanetError: one got no answer at all.
        """
        for client, process in self._running.items():
            assert process.stdout  # noqa: S101  (a pipe was asked for)
            readable, _, _ = select.select([process.stdout], [], [], READY)
            if not readable or process.stdout.readline() != "ready\n":
                raise ArpanetError(f"{client.container} on {client.host.name} gets no answer")

    def end(self) -> None:
        """Stop dialing, and take the reports."""
        for process in self._running.values():
            if process.stdin:
                process.stdin.close()
                process.stdin = None
        for client, process in self._running.items():
            said, _ = process.communicate(timeout=REPORT)
            self.figures[client] = Figures(**json.loads(said))
        self._running.clear()

    def kill(self) -> None:
        """End what still runs, without a report."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()


@contextmanager
def loaded(clients: Sequence[Client]) -> Iterator[Load]:
    """Have *clients* dial all the time; after the block, ``figures`` tells what they noticed."""
    load = Load()
    with ExitStack() as stack:
        stack.callback(load.kill)
        for one in clients:
            load.start(one)
        load.wait_ready()
        yield load
        load.end()
