"""How long a link takes: from a container's start to the first connection, on another host.

``python -m contrib.bench.linking``; see README.md beside this file.
"""

import argparse
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from arpanet_lab.host import Host

from arpanet.errors import ArpanetError
from contrib.bench import stage
from contrib.bench.marks import Run, meets_the_bar, report

log = logging.getLogger("arpanet.bench")

PORT, PUBLISHED = 6379, 10000
ALIAS = "backends"
SERVER = (
    f"--name redis -e SERVICE_NAME=redis -p {PUBLISHED}:{PORT} {stage.IMAGE} "
    f"redis-server --protected-mode no --port {PORT} --save"
).split()
PROBER = Path(__file__).with_name("prober.py")
#: Seconds for what must happen in a run.
PATIENCE = 35.0


class Reader:
    """The lines of a process's output, each with a time limit."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: SimpleQueue[tuple[int, str]] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put((time.time_ns(), line.strip()))

    def ask(self) -> None:
        """Write an empty line to the process."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def next(self) -> tuple[int, str]:
        """Return when the next line came, in ns since the epoch, and the line.

        :raises ArpanetError: none comes.
        """
        try:
            return self._lines.get(timeout=PATIENCE)
        except Empty:
            words = " ".join(map(str, self._process.args))  # type: ignore[arg-type]
            raise ArpanetError(f"nothing was heard of `{words}`") from None

    def drain(self) -> None:
        """Forget what came until now."""
        while not self._lines.empty():
            self._lines.get()


def main() -> int:
    """Measure and print; return 1 when the median is above the bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.linking", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="each takes about 2 s")
    parser.add_argument("--lab", default="benchlink", help="the lab's name")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with stage.hosts_of(options.lab, 3) as hosts:
            stage.arpanet(hosts, masters=3, more={})
            runs = measure(hosts, options.runs)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    print(report(runs))
    return 0 if meets_the_bar(runs) else 1


def measure(hosts: Sequence[Host], count: int) -> list[Run]:
    """Start a server on host1 *count* times, and watch a link to it from a client on host2."""
    host1, host2, host3 = hosts
    link = f"--link arpanet_backends:{ALIAS} -e BACKEND_{PORT}=redis".split()
    stage.run_container(host2, "client", *link)
    address = stage.docker(
        host2, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", "arpanet_backends"
    )
    pid = stage.docker(host2, "inspect", "-f", "{{.State.Pid}}", "client")
    prober = [sys.executable, "-I", str(PROBER)]
    inside = ["nsenter", "--target", pid, "--net"]
    events = ["docker", "events", "--filter", "event=start", "--format", "{{json .}}"]
    watch = ["etcdctl", "--endpoints", f"http://{host3.ip}:4001", "watch", "--prefix"]
    with ExitStack() as stack:
        linked = stack.enter_context(_reading(host2, [*inside, *prober, address, str(PORT)]))
        direct = stack.enter_context(_reading(host2, [*prober, host1.ip, str(PUBLISHED)]))
        started = stack.enter_context(_reading(host1, events))
        seen = stack.enter_context(_reading(host3, [*watch, "/arpanet/services/redis/"]))
        runs = []
        for number in range(count + 1):  # the first is to warm up
            run = _one(host1, linked, direct, started, seen)
            log.info("%2d  load %s  %.1f ms", number, stage.load(), (run.linked - run.event) / 1e6)
            runs.append(run)
    return runs[1:]


def _one(host: Host, linked: Reader, direct: Reader, started: Reader, seen: Reader) -> Run:
    for prober in (linked, direct):
        prober.ask()
    for prober in (linked, direct):
        prober.next()  # "closed": the server of the run before is gone, and the link knows
    time.sleep(0.3)  # what its end has set going is over
    for reader in (started, seen):
        reader.drain()
    stage.docker(host, "run", "-d", *SERVER)
    event = json.loads(started.next()[1])
    run = Run(
        event=int(event["timeNano"]),
        registered=seen.next()[0],
        listening=int(direct.next()[1]),
        linked=int(linked.next()[1]),
    )
    stage.docker(host, "rm", "-f", "redis")
    return run


@contextmanager
def _reading(host: Host, command: Sequence[str]) -> Iterator[Reader]:
    """Have *command* run in *host*, and read what it prints."""
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "bufsize": 1,
    }
    with host.popen(command, **pipes) as process:
        try:
            yield Reader(process)
        finally:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
