"""Whether the figures hold what is promised."""

import pytest

from contrib.bench.bar import (
    HAPROXY,
    NFTABLES,
    PROXY,
    SOCKET,
    against_the_bar,
    meets_the_bar,
    report,
)
from contrib.bench.figures import BASE, Round
from contrib.bench.marks import MARKS, Run, milliseconds
from contrib.bench.marks import meets_the_bar as quick_enough
from contrib.bench.marks import report as report_runs

MS = 1_000_000


def a_round(kernel: float, haproxy: float) -> Round:
    return {
        BASE: {"gets": 100.0},
        SOCKET: {"gets": kernel},
        NFTABLES: {"gets": 90.0},
        PROXY: {"gets": 50.0},
        HAPROXY: {"gets": haproxy},
    }


@pytest.mark.parametrize(
    ("kernel", "haproxy", "holds"), [(96, 60, True), (94, 50, False), (96, 61, False)]
)
def test_bar(kernel: float, haproxy: float, holds: bool) -> None:
    rounds = [a_round(kernel, haproxy), {BASE: {"gbits": 1.0}}]
    assert against_the_bar(rounds) == (kernel / 100, kernel / haproxy)
    assert meets_the_bar(rounds) is holds


def test_report_has_all_ways() -> None:
    text = report([a_round(96, 60)])
    for line in ("| arpanet, proxy plane | 0.50 (0.50-0.50) |", "0.96 of direct", "1.60 times"):
        assert line in text


def run(linked: float, listening: float = 10, registered: float = 20) -> Run:
    return Run(1000 * MS, *(int((1000 + one) * MS) for one in (registered, listening, linked)))


def test_marks() -> None:
    names = [name for name, _ in MARKS]
    values = [mark(run(linked=30)) / MS for _, mark in MARKS]
    assert dict(zip(names, values, strict=True)) == {
        "start event to linked": 30,
        "start event to server listening": 10,
        "start event to seen in etcd": 20,
        "seen in etcd to linked": 10,
        "both started and listening to linked": 20,
    }
    assert MARKS[-1][1](run(linked=30, listening=-5)) == 30 * MS


def test_runs() -> None:
    runs = [run(linked=one) for one in (10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 500)]
    assert milliseconds(runs, 0) == (60, 100, 500)
    assert not quick_enough(runs) and quick_enough(runs[:7])
    text = report_runs(runs)
    assert "| start event to linked | 60 | 100 | 500 |" in text and "11 starts" in text
