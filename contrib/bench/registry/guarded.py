"""What certificates and passwords cost: the same with them and without, in one run.

``python -m contrib.bench.registry.guarded``; see README.md of the benchmarks.
"""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from arpanet import Admission, ArpanetError, Identity
from contrib.bench.figures import interval, markdown
from contrib.bench.registry import reach
from contrib.bench.registry.cluster import members
from contrib.bench.registry.papers import Papers
from contrib.bench.registry.workers import Worker, be_alone, worker

log = logging.getLogger("arpanet.bench")

#: What guarded ports may make of the speed of a change, from its ``publish`` to who follows.
BAR = 0.8
#: What only masters' certificates name; the master, and who follows.
_MASTER = "master.arpanet"
_M1, _HEARER = "master", "f1"
#: What was filled in lasts longer than the run, without its hosts.
_LAST = "3600"
_PAUSE = 0.05
_SEED = 1


@dataclass
class Side:
    """One of the two clusters, with who speaks to it.

    :ivar heard: seconds from a ``publish`` to who follows, by round.
    :ivar listed: seconds that a process takes to list everything, by round.
    """

    masters: str
    env: Mapping[str, Mapping[str, str]]
    heard: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)


def main() -> int:
    """Measure and print; return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m contrib.bench.registry.guarded", description=__doc__
    )
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--each", type=int, default=20, help="instances of a host")
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--listings", type=int, default=15)
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    be_alone("contrib.bench.registry.guarded")
    try:
        with tempfile.TemporaryDirectory() as place, both(Path(place), options.hosts) as sides:
            measure(sides, options)
    except (ArpanetError, TimeoutError) as problem:
        log.error("%s", problem)
        return 1
    print(told(*sides, options.hosts * options.each))
    return 0 if median(ratios(sides[0].heard, sides[1].heard)) >= BAR else 1


@contextmanager
def both(place: Path, hosts: int) -> Iterator[tuple[Side, Side]]:
    """Have two clusters: one that anybody may speak with, and one with all that guards it."""
    papers = Papers(place / "papers")
    roles = {_M1: "master", reach.the_host(hosts).name: "slave", _HEARER: "slave"}
    who = {name: papers.of(name, [_MASTER] if name == _M1 else []) for name in roles}
    with members(place / "open") as one, members(place / "guarded", 21001, who[_M1]) as two:
        os.environ[reach.ME] = str(who[_M1].directory)
        admissions = [Admission(name, role, ("10.0.0.1",), name) for name, role in roles.items()]
        reach.admit(two.masters, _M1, admissions)
        _let_in(two.masters, hosts)
        del os.environ[reach.ME]
        yield Side(one.masters, {name: {} for name in who}), Side(two.masters, _shown(who))


def _shown(who: Mapping[str, Identity]) -> dict[str, dict[str, str]]:
    return {name: {reach.ME: str(one.directory)} for name, one in who.items()}


def _let_in(masters: str, hosts: int) -> None:
    """Have readers believe the hosts, as masters do it."""
    vault = reach.vault_of(masters, _M1)
    for number in range(hosts + 1):
        one = reach.the_host(number)
        entry = {"host": one.name, "role": "slave", "addresses": [one.address]}
        vault.write(f"public/hosts/{one.name}", json.dumps(entry))
    vault.close()


def measure(sides: tuple[Side, Side], options: argparse.Namespace) -> None:
    """Fill both, change something again and again, and list all of it, in turn by chance."""
    draw = random.Random(_SEED)  # noqa: S311 -- no secret
    size = options.hosts * options.each
    for one in sides:
        log.info("%d hosts publish %d instances", options.hosts, size)
        env = {**one.env[_M1], reach.TTL: _LAST}
        with worker("hosts", one.masters, 0, options.hosts, options.each, env=env) as hosts:
            hosts.ask("publish")
    with ExitStack() as stack:

        def begun(kind: str, who: str, *more: int) -> list[Worker]:
            return [
                stack.enter_context(worker(kind, one.masters, *more, env=one.env[who]))
                for one in sides
            ]

        followers = begun("followers", _HEARER, 1, 1)
        for one in followers:
            one.ask(f"begin {size}")
        tellers = begun("hosts", reach.the_host(options.hosts).name, options.hosts, 1, 1)
        for teller, follower in zip(tellers, followers, strict=True):
            teller.ask("publish")
            follower.ask("next")
        log.info("%d changes", options.changes)
        for _ in range(options.changes):
            for number in draw.sample((0, 1), 2):
                time.sleep(_PAUSE)
                followers[number].ask("look")  # what was heard until now is of earlier changes
                at = tellers[number].ask("change")["at"]
                sides[number].heard.append(followers[number].ask("next")["at"] - at)
        log.info("%d times all is listed", options.listings)
        for _ in range(options.listings):
            for one in draw.sample(sides, 2):
                with worker("followers", one.masters, 2, 1, env=one.env[_HEARER]) as reader:
                    one.listed += reader.ask(f"begin {size}")["told"]


def ratios(before: list[float], after: list[float]) -> list[float]:
    """Return for each round how fast *after* is, as a part of *before*."""
    return [one / two for one, two in zip(before, after, strict=True)]


def told(one: Side, two: Side, size: int) -> str:
    """Return the table."""
    rows = []
    for what, before, after, bar in (
        ("from publish to who follows", one.heard, two.heard, f"{BAR}"),
        ("listed from nothing", one.listed, two.listed, ""),
    ):
        found = ratios(before, after)
        low, high = interval(found)
        times = (f"{1000 * median(side):.1f} ms" for side in (before, after))
        rows.append((what, *times, f"{median(found):.2f} ({low:.2f}-{high:.2f})", bar))
    return markdown((f"{size:,} instances", "open", "guarded", "speed", "bar"), rows)


if __name__ == "__main__":
    sys.exit(main())
