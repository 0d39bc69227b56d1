"""What a link costs, by each way there is, in blocks of milliseconds that take turns.

``python -m contrib.bench.dataplane``; see README.md beside this file.
"""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.bar import PROXY, WAYS, meets_the_bars, report
from contrib.bench.client import BLOCKS, Client, memory
from contrib.bench.figures import BASE, Round
from contrib.bench.ways import CROWD, prepare

log = logging.getLogger("arpanet.bench")

#: Connections that the proxy is to hold at once.
OPEN = 5000
#: Cycles that only warm up.
FIRST = 5


def main() -> int:
    """Measure and print; return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.dataplane", description=__doc__)
    parser.add_argument("--cycles", type=int, default=300, help="each takes about 0.4 s")
    parser.add_argument("--minutes", type=float, default=10, help="that cycles may take in all")
    parser.add_argument("--iperf3", type=int, default=10, help="rounds; each takes about 12 s")
    parser.add_argument("--lab", default="bench", help="the lab's name")
    parser.add_argument("--raw", type=Path, help="also write every round to this file, as JSON")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            hosts = stack.enter_context(stage.hosts_of(options.lab, 4, ["haproxy"]))
            clients = prepare(hosts, place, stack)
            before = stage.load()
            compared = {way: clients[way] for way in WAYS}
            rounds = measure(compared, options.cycles, options.minutes)
            rounds += streams(compared, options.iperf3)
            after = stage.load()
            for one in (PROXY, CROWD):
                clients[one].keep(OPEN // 2)  # one client has half of what there can be
            held = memory(hosts[3], "arpanet_backends_agent")
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    if options.raw:
        options.raw.write_text(json.dumps(rounds, indent=1))
    print(report(rounds, held))
    when = time.strftime("%Y-%m-%d")
    print(f"\n{when}, Linux {os.uname().release}, load {before} to {after}, {len(rounds)} rounds")
    return 0 if meets_the_bars(rounds, held) else 1


def measure(clients: Mapping[str, Client], cycles: int, minutes: float) -> list[Round]:
    """Return the rounds of all cycles: in each, a block of each kind by each way, in any order."""
    log.info("%d cycles, after %d to warm up", cycles, FIRST)
    rounds: list[Round] = []
    end = time.monotonic() + minutes * 60
    for cycle in range(cycles + FIRST):
        for kind in BLOCKS:
            order = random.sample(list(clients), len(clients))
            found = {way: clients[way].block(kind) for way in order}
            if cycle >= FIRST:
                rounds.append(found)
        if cycle % 50 == FIRST:
            log.info("%3d  load %s  %.0f GET/s", cycle, stage.load(), rounds[2][BASE]["gets"])
        if time.monotonic() > end and rounds:
            break
    return rounds


def streams(clients: Mapping[str, Client], count: int) -> list[Round]:
    """Return *count* rounds of iperf3."""
    log.info("%d rounds of iperf3", count)
    return [
        {way: clients[way].iperf3() for way in random.sample(list(clients), len(clients))}
        for _ in range(count)
    ]


if __name__ == "__main__":
    sys.exit(main())
