"""Who dials, who is dialled, and what is measured between them."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from arpanet_lab.host import Host

from contrib.bench import stage
from contrib.bench.figures import parse_iperf3
from contrib.bench.talk import Reader, Shell, reading, shell

__all__ = ["BLOCKS", "PORTS", "Client", "client", "compiled", "inside", "memory", "serving"]

#: What listens in a server's network namespace: redis, what accepts, what swallows, iperf3.
PORTS = (6379, 7000, 7001, 5201)
#: Kind of a block -> how many it does: see blocks.c.
BLOCKS = {"dials": 40, "once": 20, "gets": 120, "bulk": (4 << 20) * 8 / 1e9}
#: Seconds of one iperf3 stream.
IPERF3 = 1
#: Servers have one processor and what dials, and what carries it, the next: as two hosts would.
SERVERS, CLIENTS = sorted(os.sched_getaffinity(0))[0], sorted(os.sched_getaffinity(0))[-1]


@dataclass(frozen=True)
class Client:
    """What dials one address from one container.

    :ivar ports: that it dials for those of :data:`PORTS`.
    """

    shell: Shell
    reader: Reader
    address: str
    ports: Sequence[int]

    def block(self, kind: str) -> dict[str, float]:
        """Return what one block of *kind* came to: a rate, and of GETs their p99 in ms."""
        self.reader.say(kind)
        took, latency = map(int, self.reader.next()[1].split())
        found = {kind: BLOCKS[kind] / (took / 1e9)}
        return {**found, "p99": latency / 1e6} if latency else found

    def keep(self, count: int) -> None:
        """Open *count* connections more, and keep them."""
        self.reader.say(f"keep {count}")
        self.reader.next()

    def iperf3(self) -> dict[str, float]:
        """Measure one stream, for longer than a block."""
        target = f"-c {self.address} -p {self.ports[3]} -t {IPERF3}"
        output = self.shell.run(f"iperf3 --json {target}")
        return {"iperf3": parse_iperf3(output) / 1e9}


def compiled(place: Path) -> Path:
    """Return the program of blocks.c, made in *place*."""
    program = place / "blocks"
    source = Path(__file__).with_name("blocks.c")
    subprocess.run(["cc", "-O2", "-Wall", "-pthread", "-o", program, source], check=True)
    return program


def inside(host: Host, container: str, processor: int) -> list[str]:
    """Return what a command is begun with, to run in *container*'s network, on a processor."""
    pid = stage.docker(host, "inspect", "-f", "{{.State.Pid}}", container)
    return ["taskset", "-c", str(processor), "nsenter", "--target", pid, "--net"]


def serving(host: Host, container: str, program: Path) -> ExitStack:
    """Have all that is dialled listen in the network of *container*; its exit ends that."""
    within = inside(host, container, SERVERS)
    with ExitStack() as stack:
        for line in (
            ["redis-server", "--protected-mode", "no", "--port", str(PORTS[0]), "--save", ""],
            [str(program), "accept", str(PORTS[1])],
            [str(program), "sink", str(PORTS[2])],
            ["iperf3", "-s", "-p", str(PORTS[3])],
        ):
            stack.enter_context(reading(host, [*within, *line]))
        return stack.pop_all()


@contextmanager
def client(
    host: Host, container: str, program: Path, address: str, ports: Sequence[int]
) -> Iterator[Client]:
    """Have *container* dial *address*."""
    command = [*inside(host, container, CLIENTS), str(program), "dial", address]
    with (
        shell(host, container) as within,
        reading(host, [*command, *(str(port) for port in ports[:3])]) as reader,
    ):
        yield Client(within, reader, address, ports)


def memory(host: Host, container: str) -> int:
    """Return the bytes that the processes of *container* have resident."""
    pages = 0
    for pid in stage.docker(host, "top", container, "-eo", "pid").split()[1:]:
        pages += int(host.run(["cat", f"/proc/{pid}/statm"]).stdout.split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
