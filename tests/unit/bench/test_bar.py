"""Whether the figures hold what is promised."""

import pytest

from contrib.bench.bar import (
    BARS,
    MEMORY,
    PROXY,
    SAME_HOST,
    SAME_HOST_DIRECT,
    WAYS,
    meets_the_bars,
    report,
)
from contrib.bench.figures import BASE, Round
from contrib.bench.marks import MARKS, Run, milliseconds
from contrib.bench.marks import meets_the_bar as quick_enough
from contrib.bench.marks import report as report_runs

MS = 1_000_000


KEYS = sorted({one.key for one in BARS})


def a_round(**more: float) -> Round:
    """All ways are as fast as direct, but for what *more* says of the proxy plane."""
    same = dict.fromkeys(KEYS, 100.0)
    return dict.fromkeys(WAYS, same) | {
        SAME_HOST: dict.fromkeys(KEYS, 150.0),
        PROXY: {**same, **more},
    }


@pytest.mark.parametrize(
    ("gets", "memory", "holds"),
    [(60, MEMORY - 1, True), (59, MEMORY - 1, False), (60, MEMORY, False)],
)
def test_bars(gets: float, memory: float, holds: bool) -> None:
    rounds = [a_round(gets=gets), {BASE: {"iperf3": 1.0}}]
    assert meets_the_bars(rounds, memory) is holds
    assert ("MISSED" not in report(rounds, memory)) is holds


def test_report_has_all_ways() -> None:
    text = report([a_round(gets=50.0)], 1e6)
    assert all(f"| {way} | " in text for way in WAYS)
    assert "| arpanet, proxy plane | 1.000 (1.000-1.000) | 1.000 (1.000-1.000) | 0.500" in text
    assert f"{SAME_HOST}, gets, to {SAME_HOST_DIRECT}: 1.500" in text


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
