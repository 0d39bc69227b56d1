"""The benchmark's sums, on what the tools really print."""

import json

import pytest

from contrib.bench.figures import (
    BASE,
    Spread,
    absolute_table,
    markdown,
    parse_iperf3,
    parse_redis,
    ratio_table,
    ratios,
    spread,
)

REDIS = """\
WARNING: Keepalive disabled. You probably need 'echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse'
"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"GET","68259.38","0.399","0.136","0.359","0.575","1.191","2.471"
"""

ROUNDS = [
    {BASE: {"gets": 100.0, "gbits": 10.0}, "other": {"gets": 90.0, "gbits": 4.0}},
    {BASE: {"gets": 50.0, "gbits": 10.0}, "other": {"gets": 50.0}},  # a slow moment touches both
    {BASE: {"gets": 100.0, "gbits": 20.0}, "other": {"gets": 80.0, "gbits": 10.0}},
]


def test_redis() -> None:
    assert parse_redis(REDIS) == {"rps": 68259.38, "p50": 0.359, "p99": 1.191}
    with pytest.raises(ValueError, match="Could not connect"):
        parse_redis("Could not connect to Redis at 10.0.0.1:6379: Connection refused\n")


def test_iperf3() -> None:
    sums = {"sum_sent": {"bits_per_second": 2e9}, "sum_received": {"bits_per_second": 1e9}}
    assert parse_iperf3(json.dumps({"end": sums})) == 1e9
    with pytest.raises(ValueError, match="the server is busy"):
        parse_iperf3(json.dumps({"end": {}, "error": "the server is busy running a test"}))


def test_ratios_are_within_a_round() -> None:
    assert ratios(ROUNDS, "other", "gets") == [0.9, 1.0, 0.8]
    assert ratios(ROUNDS, "other", "gbits") == [0.4, 0.5]
    assert ratios(ROUNDS, BASE, "gets", base="other") == [100 / 90, 1.0, 1.25]


def test_spread() -> None:
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0)
    assert spread([1.0, 2.0, 3.0, 4.0, 100.0]) == Spread(2.0, 3.0, 4.0)
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


def test_tables() -> None:
    assert ratio_table(ROUNDS, [BASE, "other"]) == (
        "| ratio to direct | redis GET/s | iperf3, Gbit/s |\n"
        "| --- | ---: | ---: |\n"
        f"| {BASE} | 1 | 1 |\n"
        "| other | 0.90 (0.85-0.95) | 0.45 (0.43-0.47) |"
    )
    assert absolute_table([{BASE: {"gets": 12345.6}, "none": {}}], [BASE, "none"]) == (
        f"| median | redis GET/s |\n| --- | ---: |\n| {BASE} | 12,346 |\n| none | - |"
    )
    assert markdown(["a", "b"], []) == "| a | b |\n| --- | ---: |"
