"""How long a link takes: from a container's start to the first connection, on another host.

``python -m contrib.bench.linking``; see README.md beside this file.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.marks import Run, meets_the_bar, report
from contrib.bench.talk import Reader, reading

log = logging.getLogger("arpanet.bench")

PORT, PUBLISHED = 6379, 10000
ALIAS = "backends"
SERVER = (
    f"--name redis -e SERVICE_NAME=redis -p {PUBLISHED}:{PORT} {stage.IMAGE} "
    f"redis-server --protected-mode no --port {PORT} --save"
).split()
PROBER = Path(__file__).with_name("prober.py")


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
        linked = stack.enter_context(reading(host2, [*inside, *prober, address, str(PORT)]))
        direct = stack.enter_context(reading(host2, [*prober, host1.ip, str(PUBLISHED)]))
        started = stack.enter_context(reading(host1, events))
        seen = stack.enter_context(reading(host3, [*watch, "/arpanet/services/redis/"]))
        runs = []
        for number in range(count + 1):  # the first is to warm up
            run = _one(host1, linked, direct, started, seen)
            log.info("%2d  load %s  %.1f ms", number, stage.load(), (run.linked - run.event) / 1e6)
            runs.append(run)
    return runs[1:]


def _one(host: Host, linked: Reader, direct: Reader, started: Reader, seen: Reader) -> Run:
    for prober in (linked, direct):
        prober.say()
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


if __name__ == "__main__":
    sys.exit(main())
