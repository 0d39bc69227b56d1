"""What was measured -> a table, and whether it holds what is promised. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median, quantiles

from contrib.bench.figures import markdown

__all__ = ["BARS", "Measured", "delays", "keeps", "rates", "told"]

#: CPU milliseconds of a follower per change, milliseconds until half of all have heard of one, and
#: megabytes of a process that follows: less than these is promised.
BARS = {"cpu": 2.0, "heard": 250.0, "memory": 60.0}


@dataclass
class Measured:
    """Times in seconds, sizes in bytes.

    :ivar listings: from nothing to all that there is, each in a process of its own.
    :ivar listed: bytes on loopback meanwhile.
    :ivar memory: of such a process.
    :ivar cpu: of one follower, per change.
    :ivar heard: from a host's ``publish`` to each follower, for all changes.
    :ivar missed: of the notices that there should have been, how many did not come.
    :ivar back: from the start of all masters until every follower is up to date.
    :ivar passed: bytes on loopback by the second, from then on.
    :ivar quiet: the same while nothing happens.
    """

    hosts: int
    instances: int
    followers: int
    watchers: int
    filled: float = 0.0
    listings: list[float] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    cpu: float = 0.0
    heard: list[float] = field(default_factory=list)
    missed: int = 0
    back: float = 0.0
    passed: list[float] = field(default_factory=list)
    quiet: float = 0.0


def rates(counts: Sequence[tuple[float, int]]) -> list[float]:
    """Return bytes per second between each two of *counts* (when, bytes so far)."""
    return [(more - few) / (then - when) for (when, few), (then, more) in pairwise(counts)]


def delays(changes: Sequence[float], heard: Sequence[float], count: int) -> list[float]:
    """Return the seconds from each of *changes* until it was heard of.

    :param heard: when any of *count* followers heard of any, all of them of all in order.
    """
    return [when - changes[at // count] for at, when in enumerate(sorted(heard))]


def told(one: Measured) -> str:
    """Return the table."""
    rows = [
        ("all hosts' entries written", f"{one.filled:.1f} s", ""),
        ("listed from nothing", f"{median(one.listings):.1f} s", ""),
        ("loopback meanwhile", _mb(min(one.listed)), ""),
        ("a follower's CPU per change", f"{1000 * one.cpu:.2f} ms", f"{BARS['cpu']:g} ms"),
        ("told of a change, median", f"{_ms(median(one.heard))}", f"{BARS['heard']:g} ms"),
        ("told of a change, 99 of 100", _ms(quantiles(one.heard, n=100)[98]), ""),
        ("notices that did not come", f"{one.missed}", "0"),
        ("a process that follows", f"{_mb(max(one.memory))}", f"{BARS['memory']:g} MB"),
        ("loopback while nothing happens", f"{_mb(one.quiet)}/s", ""),
        ("loopback after all masters' start, worst second", f"{_mb(max(one.passed))}/s", ""),
        ("loopback after it, in all", _mb(sum(one.passed)), ""),
        ("all masters' start to all up to date", f"{one.back:.1f} s", ""),
    ]
    size = f"{one.instances:,} instances of {one.hosts} hosts"
    head = (f"{size}, {one.followers} followers and {one.watchers} watchers", "measured", "bar")
    return markdown(head, rows)


def keeps(one: Measured) -> Mapping[str, bool]:
    """Return for each of :data:`BARS` whether it is kept."""
    return {
        "cpu": 1000 * one.cpu < BARS["cpu"],
        "heard": 1000 * median(one.heard) < BARS["heard"] and not one.missed,
        "memory": max(one.memory) / 1e6 < BARS["memory"],
    }


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _mb(count: float) -> str:
    return f"{count / 1e6:.1f} MB"
