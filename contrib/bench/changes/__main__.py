"""What a change costs the ambassador, by how many clients its host has.

``python -m contrib.bench.changes``; see README.md of the benchmarks.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from contrib.bench.changes.hosts import Hosts
from contrib.bench.figures import markdown
from contrib.bench.registry.cluster import members
from contrib.bench.registry.workers import Worker, be_alone

log = logging.getLogger("arpanet.bench")

#: Milliseconds that each may take, at 1,000 clients: half of the times; and MB, in all.
BARS = {"used": 20.0, "lost": 20.0, "unused": 1.0, "check": 100.0, "resident": 80.0}
#: What a change is called in the table.
NAMES = {
    "used": "an instance that all clients use comes or goes",
    "lost": "one that all use is lost, or found again",
    "few": "one that a twentieth of them uses comes or goes",
    "unused": "one that none of them uses",
    "start": "a client starts, and ends",
    "check": "everything is compared with the kernel",
    "resident": "MB resident afterwards",
}
SPACES = Path(__file__).with_name("spaces.py")
#: Changes of each kind that are not counted: they fill what is kept from one to the next.
FIRST = 2


class Agent(Worker):
    """The ambassador's agent, in a process of its own."""

    def turn(self, kind: str) -> Mapping[str, Any]:
        """Return what it says of its next turn of that *kind*.

        :raises TimeoutError: it has ended.
        """
        assert self._process.stdout
        for line in self._process.stdout:
            found: Mapping[str, Any] = json.loads(line)
            if found["turn"] == kind:
                return found
        raise TimeoutError("the agent has ended")

    def memory(self) -> tuple[float, float]:
        """Return the MB that are resident, and the most that were."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        now, most = (status.partition(f"{name}:")[2].split()[0] for name in ("VmRSS", "VmHWM"))
        return int(now) * 1024 / 1e6, int(most) * 1024 / 1e6


@contextmanager
def started(place: Path, plane: str, threads: list[int], masters: str) -> Iterator[Agent]:
    """Have one, that knows all *instances* when this returns."""
    given = {
        "HOME": str(place),
        "HOSTNAME": "here",
        "ARPANET_IP": "10.0.0.1",
        "ARPANET_MASTERS": masters,
        "ARPANET_REGISTRY": f"etcd://{masters}/bench",
        "ARPANET_TLS": "off",
    }
    argv = [sys.executable, "-m", "contrib.bench.changes.agent", str(place), plane]
    with subprocess.Popen(
        [*argv, *map(str, threads)],
        env={**os.environ, **given},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Agent(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(60)


def measure(agent: Agent, hosts: Hosts, rounds: int) -> dict[str, list[float]]:
    """Return kind of change -> seconds of the deciding thread that each of *rounds* took."""
    acts: dict[str, tuple[str, Callable[[], None]]] = {
        "used": ("services", partial(hosts.toggle, 0)),
        "lost": ("services", partial(hosts.lose, 100)),
        "few": ("services", partial(hosts.toggle, 25)),
        "unused": ("services", partial(hosts.toggle, 99)),
        "start": ("containers", partial(agent.say, "start")),
        "check": ("containers", partial(agent.say, "check")),
    }
    took: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds + FIRST):
        for name, (kind, act) in acts.items():
            act()
            took[name].append(agent.turn(kind)["seconds"])
    return {name: times[FIRST:] for name, times in took.items()}


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
    """Have a directory with a bpffs in it, which goes at the end with all that is pinned there."""
    with tempfile.TemporaryDirectory() as place:
        where = Path(place, "bpf")
        where.mkdir()
        subprocess.run(["mount", "-t", "bpf", "bpf", where], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "-l", where], check=True)


def run(
    clients: int, hosts: Hosts, instances: int, rounds: int, plane: str, masters: str
) -> dict[str, float]:
    """Return kind of change -> the median of milliseconds; and MB resident."""
    with ExitStack() as stack:
        threads = stack.enter_context(spaces(clients))
        place = stack.enter_context(bpffs())
        agent = stack.enter_context(started(place, plane, threads, masters))
        while agent.turn("services")["instances"] < hosts.count:
            """Only the first list has less, if any."""
        took = measure(agent, hosts, rounds)
        resident, most = agent.memory()
        agent.say("look")
        found = agent.turn("look")
    log.info(
        "%d clients: %d links, %d of them lead somewhere", clients, found["links"], found["leading"]
    )
    for name, times in took.items():
        log.info("  %-6s worst %.1f ms", name, max(times) * 1000)
    log.info("  at most %.1f MB were resident", most)
    medians = {name: statistics.median(times) * 1000 for name, times in took.items()}
    return {**medians, "resident": resident}


def main() -> int:
    """Measure with each number of clients, and print; return 1 above a bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.changes", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plane", default="socket")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    be_alone("contrib.bench.changes")
    for chatty in ("arpanet_etcd", "urllib3"):  # fifty hosts in one process
        logging.getLogger(chatty).setLevel(logging.ERROR)
    found = {}
    with tempfile.TemporaryDirectory() as place, members(Path(place)) as cluster:
        hosts = Hosts(cluster.masters, options.instances)
        log.info("%d instances are in the registry", options.instances)
        for clients in options.clients:
            given = options.instances, options.rounds, options.plane, cluster.masters
            found[clients] = run(clients, hosts, *given)
    header = ["ms of the deciding thread, median", *(f"{clients} clients" for clients in found)]
    rows = [[NAMES[n], *(f"{one[n]:.2f}" for one in found.values())] for n in NAMES]
    print(markdown(header, rows))
    most = found[max(found)]
    return int(any(most[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
