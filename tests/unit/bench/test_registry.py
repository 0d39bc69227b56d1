"""The table of a large cluster, and whether its figures hold what is promised."""

import pytest

from contrib.bench.registry.guarded import Side, ratios
from contrib.bench.registry.guarded import told as guarded
from contrib.bench.registry.report import Measured, delays, keeps, rates, told


def measured(**other: object) -> Measured:
    good = {
        "listings": [2.0, 1.0, 3.0],
        "listed": [8_000_000, 9_000_000],
        "memory": [50e6, 55e6],
        "cpu": 0.001,
        "heard": [0.05] * 99 + [0.9],
        "passed": [1e6, 30e6, 2e6],
        "filled": 9.0,
        "back": 4.0,
        "quiet": 1e5,
    }
    return Measured(500, 10_000, 100, 900, **{**good, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "missed"),
    [
        ({}, set()),
        ({"cpu": 0.0021}, {"cpu"}),
        ({"heard": [0.3] * 3}, {"heard"}),
        ({"missed": 1}, {"heard"}),
        ({"memory": [61e6, 10e6]}, {"memory"}),
    ],
)
def test_bars(other: dict[str, object], missed: set[str]) -> None:
    assert {name for name, kept in keeps(measured(**other)).items() if not kept} == missed


def test_what_two_followers_heard_of_two_changes() -> None:
    found = delays([10.0, 11.0], [11.1, 10.2, 10.3, 11.4], 2)
    assert found == pytest.approx([0.2, 0.3, 0.1, 0.4])


def test_bytes_by_the_second() -> None:
    assert rates([(10.0, 0), (11.0, 500), (13.0, 1500)]) == [500.0, 500.0]


def test_the_table_says_what_was_measured() -> None:
    text = told(measured())
    for line in (
        "| 10,000 instances of 500 hosts, 100 followers and 900 watchers | measured | bar |",
        "| listed from nothing | 2.0 s |",
        "| loopback meanwhile | 8.0 MB |",
        "| a follower's CPU per change | 1.00 ms | 2 ms |",
        "| told of a change, median | 50 ms | 250 ms |",
        "| loopback after all masters' start, worst second | 30.0 MB/s |",
    ):
        assert line in text


def test_what_guards_cost_is_told_as_a_part_of_the_speed_of_the_same_round() -> None:
    assert ratios([1.0, 3.0], [2.0, 3.0]) == [0.5, 1.0]
    one, two = Side("", {}, [0.004, 0.006], [1.0]), Side("", {}, [0.005, 0.01], [2.0])
    text = guarded(one, two, 10_000)
    assert "| from publish to who follows | 5.0 ms | 7.5 ms | 0.70 (0.60-0.80) | 0.8 |" in text
    assert "| listed from nothing | 1000.0 ms | 2000.0 ms | 0.50 (0.50-0.50) |  |" in text
