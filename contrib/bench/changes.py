"""What a change costs the ambassador, by how many clients its host has.

``python -m contrib.bench.changes``; see README.md beside this file.
"""

import argparse
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from arpanet_ambassador.ambassador import Ambassador
from arpanet_ambassador.planes.socket.host import Host

from arpanet import (
    ARPANET_MASTERS,
    HOSTNAME,
    Container,
    Instance,
    MemoryRegistry,
    Snapshot,
    statusfile,
)
from arpanet import Host as HostRecord
from contrib.bench.figures import markdown

log = logging.getLogger("arpanet.bench")

AMBASSADOR = "arpanet_backends"
SERVICES, HOSTS = 100, 50
#: Milliseconds that each may take, at 1,000 clients: half of the times; and MB, in all.
BARS = {"used": 20.0, "unused": 1.0, "check": 100.0, "resident": 80.0}
#: What a change is called in the table.
NAMES = {
    "used": "an instance that all clients use comes or goes",
    "few": "one that a twentieth of them uses",
    "unused": "one that none of them uses",
    "start": "a client starts, and ends",
    "check": "everything is compared with the kernel",
    "resident": "MB resident afterwards, the simulated registry's included",
}
KINDS = ("used", "few", "unused", "start", "check")
SPACES = Path(__file__).with_name("spaces.py")


class Machine(Host):
    """This machine, with a bpffs of the benchmark's own."""

    def __init__(self, place: Path) -> None:
        super().__init__(os.getpid())
        self._place = place

    def mounted_bpffs(self) -> Path:
        """Return where it is."""
        return self._place


class Still:
    """Dials nothing: the simulated instances' addresses may be somebody's."""

    silent: frozenset[tuple[str, int]] = frozenset()
    gone: frozenset[tuple[str, int]] = frozenset()

    def want(self, *_: object) -> None:
        """Leave all of them alone."""


class Stage:
    """The ambassador of a host, between a simulated engine and a simulated registry."""

    def __init__(self, place: Path, threads: list[int], instances: int, plane: str) -> None:
        self.now = 0.0
        settings = {HOSTNAME: "here", ARPANET_MASTERS: ("10.0.0.1",)}
        context: Any = SimpleNamespace(
            settings=settings,
            wake=lambda: None,
            registry=MemoryRegistry(),
            engine=SimpleNamespace(networks=lambda: (), inspect=lambda _: {}),
            emit=lambda event, **payload: None,
        )
        self.ambassador = Ambassador(
            context, AMBASSADOR, plane, lambda home: True, lambda: self.now, Machine(place)
        )
        self.ambassador.flows.prober = Still()
        self.every = [_instance(number) for number in range(instances)]
        self.living = {one.id: one for one in self.every}
        self.index: dict[str, tuple[Instance, ...]] = {}
        for one in self.every:
            for name in one.services:
                self.index[name] = (*self.index.get(name, ()), one)
        self.hosts = {f"host{n}": HostRecord(f"host{n}", f"10.1.0.{n}") for n in range(HOSTS)}
        own = Container("own", AMBASSADOR, "arpanet", 0, "t", networks={"bridge": "172.17.0.2"})
        self.containers = {"own": own} | {
            one.id: one for one in (_client(n, pid) for n, pid in enumerate(threads))
        }
        self.spare = self.containers.pop(_client(len(threads) - 1, 0).id)
        self.ambassador.services(self.snapshot())
        self.ambassador.containers(dict(self.containers))

    def snapshot(self) -> Snapshot:
        """Return what the registry holds now; it shares with the last one what did not change."""
        return Snapshot(dict(self.living), self.hosts, index=dict(self.index))

    def toggled(self, number: int) -> Callable[[], Snapshot]:
        """Return what has an instance come and go, in turn."""
        one = self.every[number]

        def change() -> Snapshot:
            there = self.living.pop(one.id, None)
            if not there:
                self.living[one.id] = one
            for name in one.services:
                others = (each for each in self.index[name] if each.id != one.id)
                self.index[name] = (*others,) if there else (*others, one)
            return self.snapshot()

        return change

    def started(self) -> None:
        """Have a client start, or end."""
        if not self.containers.pop(self.spare.id, None):
            self.containers[self.spare.id] = self.spare
        self.ambassador.containers(dict(self.containers))

    def checked(self) -> None:
        """Have everything compared with the kernel."""
        self.now += 30.0
        self.ambassador.containers(dict(self.containers))

    def carried(self) -> tuple[int, int]:
        """Return how many links there are, and how many of them lead somewhere."""
        plan = self.ambassador.plan
        return len(plan.ground.links), sum(bool(plan.ways[n].targets) for n in plan.ground.indices)


def _instance(number: int) -> Instance:
    service, host = f"service{number % SERVICES}", f"host{number % HOSTS}"
    ip = f"10.{2 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
    return Instance(
        f"{host}:c{number}:80", (service,), host, ip, 8000 + number % 1000, container="c" * 64
    )


def _client(number: int, pid: int) -> Container:
    return Container(
        f"{number:064x}",
        f"client{number}",
        "client",
        pid,
        "t",
        networks={"bridge": f"172.18.{number // 250}.{3 + number % 250}"},
        env={"PATH": "/bin", "HOME": "/", f"BACKEND_{80}": f"service{40 + number % 20}"},
        labels={
            "connect.6379": "service0",
            "connect.cache:6379": f"service{20 + number % 20}",
            "com.docker.compose.project": "bench",
        },
    )


def measure(stage: Stage, rounds: int) -> dict[str, list[float]]:
    """Return kind of change -> seconds of the deciding thread that each of *rounds* took."""
    registry = {name: stage.toggled(n) for name, n in (("used", 0), ("few", 25), ("unused", 99))}
    took: dict[str, list[float]] = {name: [] for name in KINDS}
    for turn in range(rounds + 2):
        for name in KINDS:
            if name in registry:
                act = partial(stage.ambassador.services, registry[name]())
            else:
                act = stage.started if name == "start" else stage.checked
            began = time.thread_time()
            act()
            if turn >= 2:  # the first ones fill what is kept between changes
                took[name].append(time.thread_time() - began)
    return took


@contextmanager
def spaces(count: int) -> Iterator[list[int]]:
    """Have *count* network namespaces; yield a thread in each."""
    command = [sys.executable, "-I", "-S", str(SPACES), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        yield [int(one) for one in process.stdout.readline().split()]
        process.stdin.close()


@contextmanager
def bpffs() -> Iterator[Path]:
    """Have a bpffs that goes at the end, and all that is pinned there."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "bpf", "bpf", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def run(clients: int, instances: int, rounds: int, plane: str) -> dict[str, float]:
    """Return kind of change -> the median of milliseconds; and MB resident."""
    with ExitStack() as stack:
        threads = stack.enter_context(spaces(clients))
        stage = Stage(stack.enter_context(bpffs()), threads, instances, plane)
        took = measure(stage, rounds)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        links, leading = stage.carried()
        planes = stage.ambassador.chain.planes
        stage.ambassador.close()
        for one in planes:
            one.clear([])
    log.info("%d clients: %d links, %d of them lead somewhere", clients, links, leading)
    for name, times in took.items():
        log.info("  %-6s worst %.1f ms", name, max(times) * 1000)
    found = {name: statistics.median(times) * 1000 for name, times in took.items()}
    return {**found, "resident": resident / 1e6}


def main() -> int:
    """Measure with each number of clients, and print; return 1 above a bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.changes", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plane", default="socket")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    changes = logging.getLogger("arpanet_ambassador")  # the log is part of what a change costs
    changes.addHandler(logging.FileHandler(os.devnull))
    changes.setLevel(logging.INFO)
    changes.propagate = False
    found = {}
    with tempfile.TemporaryDirectory() as place:
        statusfile.RUN = Path(place)
        for clients in options.clients:
            found[clients] = run(clients, options.instances, options.rounds, options.plane)
    header = ["ms of the deciding thread, median", *(f"{clients} clients" for clients in found)]
    rows = [[NAMES[n], *(f"{one[n]:.2f}" for one in found.values())] for n in NAMES]
    print(markdown(header, rows))
    most = found[max(found)]
    return int(any(most[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
