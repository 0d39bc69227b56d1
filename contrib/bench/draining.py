"""How soon a container that is told to end is dialled no more, from another host.

``python -m contrib.bench.draining``; see README.md beside this file.
"""

import json
import logging
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from arpanet_lab.host import Host

from contrib.bench import stage
from contrib.bench.moments import PORT, measured, prober, server
from contrib.bench.talk import Reader, reading

log = logging.getLogger("arpanet.bench")

#: Redis takes no notice of this signal, so that what was dialled last is not redis's own doing.
SIGNAL = "WINCH"
SERVER = server("--stop-signal", SIGNAL, "--stop-timeout", "0")
#: Milliseconds that half of the signals may take.
BAR = 20.0


def main() -> int:
    """Measure and print; return 1 when the median is above the bar."""
    took = measured("draining", str(__doc__), 40, 3, measure)
    if took is None:
        return 1
    if not took:
        log.error("no signal could be measured: the machine has too much else to do")
        return 1
    median, most = statistics.median(took), took[int(len(took) * 0.99)]
    print(f"{len(took)} signals, ms to the last connection: median {median:.1f}, ", end="")
    print(f"99 % {most:.1f}, worst {took[-1]:.1f}")
    return 0 if median <= BAR else 1


def measure(hosts: Sequence[Host], count: int) -> list[float]:
    """Have the server on host1 told to end *count* times; return the milliseconds, sorted."""
    host1, host2, _ = hosts
    stage.docker(host1, "run", "-d", *SERVER)
    stage.run_container(host2, "client", "--label", f"connect.{PORT}=redis")
    pid = stage.docker(host2, "inspect", "-f", "{{.State.Pid}}", "client")
    events = ["docker", "events", "--filter", "event=kill", "--format", "{{json .}}"]
    took = []
    with ExitStack() as stack:
        inside = ["nsenter", "--target", pid, "--net"]
        linked = stack.enter_context(reading(host2, [*inside, *prober("127.0.0.1", PORT)]))
        told = stack.enter_context(reading(host1, events))
        for number in range(count + 1):  # the first is to warm up
            if (one := _one(host1, linked, told)) is None:
                log.info("%2d  load %s  left out: it did not answer before", number, stage.load())
                continue
            log.info("%2d  load %s  %.1f ms", number, stage.load(), one)
            if number:
                took.append(one)
    return sorted(took)


def _one(host: Host, linked: Reader, told: Reader) -> float | None:
    told.drain()
    linked.say()
    time.sleep(0.3)  # it dials, and is answered
    stage.docker(host, "kill", "-s", SIGNAL, "redis")
    event = json.loads(told.next()[1])
    closed = int(linked.next()[1].split()[1])
    linked.next()  # the server has outlived its signal, and is dialled again
    took = (closed - int(event["timeNano"])) / 1e6
    return took if took > 0 else None


if __name__ == "__main__":
    sys.exit(main())
