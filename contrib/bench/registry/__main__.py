"""What 10,000 instances of 500 hosts cost, and 1,000 that follow them.

``python -m contrib.bench.registry``; see README.md of the benchmarks.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from arpanet import ArpanetError
from contrib.bench.registry.cluster import Members, members, passed
from contrib.bench.registry.report import Measured, delays, keeps, rates, told
from contrib.bench.registry.workers import Worker, be_alone, every, worker

log = logging.getLogger("arpanet.bench")

#: How many simulated hosts, and followers, share a process: the threads of fifty followers in one
#: spend their time waiting for the interpreter's lock, and miss every time limit.
_HOSTS, _FOLLOWERS = 125, 10
#: Seconds between two changes; of quiet; without masters; and after that.
_EVERY, _QUIET, _DARK, _AFTER = 1.0, 15.0, 3.0, 60.0
#: Seconds within which a notice must come to count as one.
_LATE = 5.0


def main() -> int:
    """Measure and print; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.registry", description=__doc__)
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--each", type=int, default=20, help="instances of a host")
    parser.add_argument("--followers", type=int, default=20, help="whole ones, of 25 MB each")
    parser.add_argument("--watchers", type=int, default=980, help="the others: what masters see")
    parser.add_argument("--changes", type=int, default=40)
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    be_alone("contrib.bench.registry")
    try:
        with tempfile.TemporaryDirectory() as place, members(Path(place)) as masters:
            found = measure(masters, options)
    except (ArpanetError, TimeoutError) as problem:
        log.error("%s", problem)
        return 1
    print(told(found))
    return 0 if all(keeps(found).values()) else 1


def measure(masters: Members, options: argparse.Namespace) -> Measured:
    """Fill the registry, list it, follow it, and take all its masters away."""
    size = options.hosts * options.each
    found = Measured(options.hosts, size, options.followers, options.watchers)
    with ExitStack() as stack:

        def some(kind: str, count: int, share: int, *more: int) -> list[Worker]:
            firsts = range(0, count, share)
            sizes = [min(share, count - first) for first in firsts]
            argvs = [
                (kind, masters.masters, f, n, *more) for f, n in zip(firsts, sizes, strict=True)
            ]
            return [stack.enter_context(worker(*argv)) for argv in argvs]

        hosts = some("hosts", options.hosts, _HOSTS, options.each)
        log.info("%d hosts publish %d instances", options.hosts, size)
        found.filled = max(one["seconds"] for one in every(hosts, "publish"))
        for _ in range(3):
            with worker("followers", masters.masters, 5000, 1) as one:
                before = passed()
                found.listings += one.ask(f"begin {size}")["told"]
                found.listed.append(passed() - before)
                found.memory.append(one.ask("look")["memory"])
        log.info("%d follow, %d watch", options.followers, options.watchers)
        (alone,) = some("followers", 1, 1)
        alone.ask(f"begin {size}")
        followers = some("followers", options.followers - 1, _FOLLOWERS)
        for one in followers:
            one.ask(f"begin {size}")
        watchers = some("watchers", options.watchers, max(1, options.watchers))
        every(watchers, "begin")
        all_of_them = [alone, *followers, *watchers]
        log.info("a quiet time")
        found.quiet, idle = _quiet(alone)
        log.info("%d changes", options.changes)
        _changes(found, hosts, alone, all_of_them, options.changes, idle)
        log.info("all masters end, and begin anew")
        _restart(found, masters, [alone, *followers], watchers, hosts)
        found.memory.append(alone.ask("look")["memory"])
    return found


def _quiet(alone: Worker) -> tuple[float, float]:
    """Return bytes per second, and a follower's CPU seconds per second, while nothing happens."""
    cpu, before, began = alone.ask("look")["cpu"], passed(), time.monotonic()
    time.sleep(_QUIET)
    took = time.monotonic() - began
    return (passed() - before) / took, (alone.ask("look")["cpu"] - cpu) / took


def _changes(
    found: Measured,
    hosts: Sequence[Worker],
    alone: Worker,
    listeners: Sequence[Worker],
    count: int,
    idle: float,
) -> None:
    every(listeners, "look")
    cpu, began = alone.ask("look")["cpu"], time.monotonic()
    at = []
    for number in range(count):
        at.append(hosts[number % len(hosts)].ask("change")["at"])
        time.sleep(_EVERY)
    time.sleep(_LATE)
    spent = alone.ask("look")
    found.cpu = (spent["cpu"] - cpu - idle * (time.monotonic() - began)) / count
    for one in (spent, *every(listeners[1:], "look")):
        found.heard += delays(at, one["heard"], one["count"])
    found.missed = max(0, count * (found.followers + found.watchers) - len(found.heard))


def _restart(
    found: Measured,
    masters: Members,
    followers: Sequence[Worker],
    watchers: Sequence[Worker],
    hosts: Sequence[Worker],
) -> None:
    masters.kill()
    time.sleep(_DARK)
    began = time.monotonic()
    counts = [(began, passed())]
    masters.start()
    while time.monotonic() < began + _AFTER:
        time.sleep(1.0)
        counts.append((time.monotonic(), passed()))
        if not found.back and not _troubled([*followers, *watchers, *hosts]):
            found.back = time.monotonic() - began
    found.passed = rates(counts)
    if not found.back:
        raise TimeoutError(f"not all are up to date {_AFTER:g} s after the masters")


def _troubled(workers: Sequence[Worker]) -> int:
    return sum(one["troubled"] for one in every(workers, "look"))


if __name__ == "__main__":
    sys.exit(main())
