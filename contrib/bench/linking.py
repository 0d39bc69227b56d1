"""How long a link takes: from a container's start to the first connection, on another host.

``python -m contrib.bench.linking``; see README.md beside this file.
"""

import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from arpanet_lab.host import Host

from contrib.bench import stage
from contrib.bench.marks import Run, meets_the_bar, report
from contrib.bench.moments import PORT, PUBLISHED, measured, prober, server
from contrib.bench.talk import Reader, reading

log = logging.getLogger("arpanet.bench")

ALIAS = "backends"


def main() -> int:
    """Measure and print; return 1 when the median is above the bar."""
    runs = measured("linking", str(__doc__), 30, 2, measure)
    if runs is None:
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
    inside = ["nsenter", "--target", pid, "--net"]
    events = ["docker", "events", "--filter", "event=start", "--format", "{{json .}}"]
    watch = ["arpanet", "etcdctl", f"--endpoints=https://{host3.ip}:4001", "watch", "--prefix"]
    with ExitStack() as stack:
        linked = stack.enter_context(reading(host2, [*inside, *prober(address, PORT)]))
        direct = stack.enter_context(reading(host2, prober(host1.ip, PUBLISHED)))
        started = stack.enter_context(reading(host1, events))
        seen = stack.enter_context(reading(host3, [*watch, f"/arpanet/instances/{host1.name}/"]))
        runs = []
        for number in range(count + 1):  # the first is to warm up
            run = _one(host1, linked, direct, started, seen)
            log.info("%2d  load %s  %.1f ms", number, stage.load(), (run.linked - run.event) / 1e6)
            runs.append(run)
    return runs[1:]


def _one(host: Host, linked: Reader, direct: Reader, started: Reader, seen: Reader) -> Run:
    for reader in (linked, direct):
        reader.say()
    for reader in (linked, direct):
        reader.next()  # "closed": the server of the run before is gone, and the link knows
    time.sleep(0.3)  # what its end has set going is over
    for reader in (started, seen):
        reader.drain()
    stage.docker(host, "run", "-d", *server())
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
