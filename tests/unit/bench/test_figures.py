"""The benchmark's sums, on what the tools really print."""

import json

import pytest

from contrib.bench.figures import (
    BASE,
    Spread,
    absolute_table,
    interval,
    markdown,
    parse_iperf3,
    ratio_table,
    ratios,
    spread,
)

ROUNDS = [
    {BASE: {"gets": 100.0, "iperf3": 10.0}, "other": {"gets": 90.0, "iperf3": 4.0}},
    {BASE: {"gets": 50.0, "iperf3": 10.0}, "other": {"gets": 50.0}},  # a slow moment touches both
    {BASE: {"gets": 100.0, "iperf3": 20.0}, "other": {"gets": 80.0, "iperf3": 10.0}},
]


def test_iperf3() -> None:
    sums = {"sum_sent": {"bits_per_second": 2e9}, "sum_received": {"bits_per_second": 1e9}}
    assert parse_iperf3(json.dumps({"end": sums})) == 1e9
    with pytest.raises(ValueError, match="the server is busy"):
        parse_iperf3(json.dumps({"end": {}, "error": "the server is busy running a test"}))


def test_ratios_are_within_a_round() -> None:
    assert ratios(ROUNDS, "other", "gets") == [0.9, 1.0, 0.8]
    assert ratios(ROUNDS, "other", "iperf3") == [0.4, 0.5]
    assert ratios(ROUNDS, BASE, "gets", base="other") == [100 / 90, 1.0, 1.25]


def test_spread() -> None:
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0)
    assert spread([1.0, 2.0, 3.0, 4.0, 100.0]) == Spread(2.0, 3.0, 4.0)
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


def test_interval_holds_the_median_and_shrinks_with_more_values() -> None:
    assert interval([2.0]) == (2.0, 2.0)
    few, many = interval([1.0, 2.0, 3.0, 4.0, 100.0]), interval([1.0, 2.0, 3.0, 4.0, 100.0] * 40)
    assert few[0] < many[0] <= 3.0 <= many[1] < few[1]
    assert interval([1.0, 5.0, 2.0]) == interval([1.0, 5.0, 2.0])


def test_tables() -> None:
    ratio = ratio_table(ROUNDS, [BASE, "other", "far"], {"far": "other"})
    assert ratio == (
        "| ratio to direct | redis GET/s | iperf3, Gbit/s |\n"
        "| --- | ---: | ---: |\n"
        f"| {BASE} | 1 | 1 |\n"
        "| other | 0.900 (0.800-1.000) | 0.450 (0.400-0.500) |\n"
        "| far | - | - |"
    )
    assert absolute_table([{BASE: {"gets": 12345.6}, "none": {}}], [BASE, "none"]) == (
        f"| median | redis GET/s |\n| --- | ---: |\n| {BASE} | 12,346 |\n| none | - |"
    )
    assert markdown(["a", "b"], []) == "| a | b |\n| --- | ---: |"
