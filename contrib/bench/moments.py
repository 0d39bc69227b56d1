"""What the measures of single moments share: three hosts, a redis on one of them, who dials it."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage

__all__ = ["PORT", "PUBLISHED", "measured", "prober", "server"]

log = logging.getLogger("arpanet.bench")

PORT, PUBLISHED = 6379, 10000
_PROBER = str(Path(__file__).with_name("prober.py"))

T = TypeVar("T")


def server(*options: str) -> list[str]:
    """Return how ``docker run -d`` starts the redis, with more *options*."""
    named = ["--name", "redis", "-e", "SERVICE_NAME=redis", "-p", f"{PUBLISHED}:{PORT}"]
    command = f"redis-server --protected-mode no --port {PORT} --save".split()
    return [*named, *options, stage.IMAGE, *command]


def prober(address: str, port: int) -> list[str]:
    """Return the command that dials *address* whenever it is told to, and says what came of it."""
    return [sys.executable, "-I", _PROBER, address, str(port)]


def measured(
    name: str, about: str, runs: int, seconds: int, measure: Callable[[Sequence[Host], int], T]
) -> T | None:
    """Do what the command line says; return what was measured, ``None``: it failed, and was told.

    :param name: of the module.
    :param about: what it measures.
    :param runs: how many there are if the command line names no other number.
    :param seconds: that each takes about.
    """
    parser = argparse.ArgumentParser(prog=f"python -m contrib.bench.{name}", description=about)
    words = f"each takes about {seconds} s"
    parser.add_argument("--runs", type=int, default=runs, help=words)
    parser.add_argument("--lab", default=f"b-{name}", help="the lab's name")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with stage.hosts_of(options.lab, 3) as hosts:
            stage.arpanet(hosts, masters=3, more={})
            return measure(hosts, options.runs)
    except ArpanetError as problem:
        log.error("%s", problem)
        return None
