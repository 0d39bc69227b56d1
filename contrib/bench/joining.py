"""How long a new host takes from nothing to a link that works, its image packed before.

``python -m contrib.bench.joining``; see README.md beside this file.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from statistics import median

from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.figures import markdown
from contrib.bench.moments import PORT, server

log = logging.getLogger("arpanet.bench")

#: Seconds that half of the joins may take.
BAR = 15.0


@dataclass(frozen=True)
class Join:
    """Seconds since a person began to type ``arpanet join``.

    :ivar joined: until that was done.
    :ivar started: until ``arpanet slave start`` was, too.
    :ivar linked: until a client that was started then was answered over its link.
    """

    joined: float
    started: float
    linked: float


def main() -> int:
    """Measure and print; return 1 when the median is above the bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.joining", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="each takes about 15 s")
    parser.add_argument("--lab", default="b-joining", help="the lab's name")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with stage.hosts_of(options.lab, 2) as hosts:
            found = measure(hosts, options.runs)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    columns = list(zip(*map(astuple, found), strict=True))
    rows = [
        (what, f"{median(one):.1f}", f"{max(one):.1f}")
        for what, one in zip(("let in", "started", "its client's link works"), columns, strict=True)
    ]
    print(markdown((f"seconds, {len(found)} joins", "median", "worst"), rows))
    return 0 if median(columns[-1]) < BAR else 1


def measure(hosts: Sequence[Host], count: int) -> list[Join]:
    """Let host2 in again and again, each time with nothing left of the last but its image."""
    first, second = hosts
    stage.arpanet([first], masters=1, more={})
    stage.docker(first, "run", "-d", *server())
    stage.write_settings(second, [first])
    for line in ("arpanet install core", "arpanet install slave"):
        second.run(line.split(), timeout=stage.PATIENCE)
    found = []
    for number in range(count):
        found.append(_one(first, second))
        log.info("%2d  load %s  %.1f s", number, stage.load(), found[-1].linked)
        stage.docker(second, "rm", "-f", "client")
        second.run(["arpanet", "slave", "stop"], timeout=stage.PATIENCE)
        first.run(["arpanet", "certs", "revoke", second.name], timeout=stage.PATIENCE)
        second.run(["rm", "-r", str(second.home / ".arpanet")])
    return found


def _one(first: Host, second: Host) -> Join:
    token = first.run(["arpanet", "token", "create"], timeout=stage.PATIENCE).stdout.split()
    began = time.monotonic()
    second.run(_line(token), timeout=stage.PATIENCE)
    joined = time.monotonic()
    second.run(["arpanet", "slave", "start"], timeout=stage.PATIENCE)
    started = time.monotonic()
    stage.run_container(second, "client", "--label", f"connect.{PORT}=redis")
    ask = ["exec", "client", "redis-cli", "-p", str(PORT), "ping"]
    while second.run(["docker", *ask], check=False).stdout.strip() != "PONG":
        if time.monotonic() > started + stage.PATIENCE:
            raise ArpanetError("the client's link never worked")
    return Join(joined - began, started - began, time.monotonic() - began)


def _line(said: list[str]) -> list[str]:
    """Return the command that a person would copy."""
    return said[said.index("arpanet") :]


if __name__ == "__main__":
    sys.exit(main())
