"""What tools print -> figures; rounds of figures -> ratios and Markdown tables; pure."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

__all__ = [
    "BASE",
    "MEASURES",
    "Measure",
    "Round",
    "Spread",
    "absolute_table",
    "markdown",
    "parse_iperf3",
    "parse_redis",
    "ratio_table",
    "ratios",
    "spread",
]

#: The variant that the others are compared with.
BASE = "published port, dialled directly"

#: One round: variant -> key of a measure -> what was measured, in that measure's unit.
Round = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Measure:
    """A column.

    :ivar key: under which a :data:`Round` has it.
    :ivar digits: after the decimal point, of an absolute figure.
    """

    key: str
    title: str
    digits: int


MEASURES = (
    Measure("gets", "redis GET/s", 0),
    Measure("p50", "p50, ms", 3),
    Measure("p99", "p99, ms", 3),
    Measure("connections", "new connections/s", 0),
    Measure("gbits", "iperf3, Gbit/s", 2),
)


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it."""

    low: float
    median: float
    high: float


def parse_redis(text: str) -> dict[str, float]:
    """Return ``rps``, and ``p50`` and ``p99`` in ms, of what ``redis-benchmark --csv`` printed.

    :raises ValueError: there is no line of figures in it.
    """
    lines = [line for line in text.splitlines() if line.startswith('"')]
    for row in csv.DictReader(lines):
        return {
            "rps": float(row["rps"]),
            "p50": float(row["p50_latency_ms"]),
            "p99": float(row["p99_latency_ms"]),
        }
    raise ValueError(f"redis-benchmark printed no figures: {text.strip()[-200:]!r}")


def parse_iperf3(text: str) -> float:
    """Return the bits per second that arrived, of what ``iperf3 --json`` printed.

    :raises ValueError: the test failed.
    """
    document = json.loads(text)
    if problem := document.get("error"):
        raise ValueError(f"iperf3: {problem}")
    return float(document["end"]["sum_received"]["bits_per_second"])


def ratios(rounds: Iterable[Round], variant: str, key: str, base: str = BASE) -> list[float]:
    """Return, for each round that measured both, *variant*'s figure over *base*'s.

    Figures of one round were measured within seconds, so what else the machine did touches both.
    """
    return [
        one[variant][key] / one[base][key]
        for one in rounds
        if key in one.get(variant, {}) and one.get(base, {}).get(key)
    ]


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of *values*.

    :raises ValueError: there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, median(values), high)


def ratio_table(rounds: Sequence[Round], variants: Sequence[str]) -> str:
    """Return a Markdown table of ratios to :data:`BASE`: median, and quartiles in brackets."""

    def cell(variant: str, key: str) -> str:
        found = ratios(rounds, variant, key)
        if variant == BASE or not found:
            return "1" if found else "-"
        one = spread(found)
        return f"{one.median:.2f} ({one.low:.2f}-{one.high:.2f})"

    return _table("ratio to direct", rounds, variants, cell)


def absolute_table(rounds: Sequence[Round], variants: Sequence[str]) -> str:
    """Return a Markdown table of the medians themselves."""
    digits = {measure.key: measure.digits for measure in MEASURES}

    def cell(variant: str, key: str) -> str:
        found = [one[variant][key] for one in rounds if key in one.get(variant, {})]
        return f"{median(found):,.{digits[key]}f}" if found else "-"

    return _table("median", rounds, variants, cell)


def _table(
    corner: str,
    rounds: Sequence[Round],
    variants: Sequence[str],
    cell: Callable[[str, str], str],
) -> str:
    measured = {key for one in rounds for figures in one.values() for key in figures}
    columns = [measure for measure in MEASURES if measure.key in measured]
    rows = [[one, *(cell(one, column.key) for column in columns)] for one in variants]
    return markdown([corner, *(column.title for column in columns)], rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are figures."""
    marks = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
