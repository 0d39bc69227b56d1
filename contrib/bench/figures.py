"""What tools print -> figures; rounds of figures -> ratios and Markdown tables; pure."""

import json
import random
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
    "interval",
    "markdown",
    "parse_iperf3",
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
    Measure("dials", "connect, close: 1/s", 0),
    Measure("once", "connect, GET, close: 1/s", 0),
    Measure("gets", "redis GET/s", 0),
    Measure("bulk", "bulk, Gbit/s", 1),
    Measure("iperf3", "iperf3, Gbit/s", 1),
    Measure("p99", "p99 of GETs, ms", 3),
)
#: How often the rounds are drawn anew for an interval; the same draws each time.
DRAWS, SEED = 400, 1


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it."""

    low: float
    median: float
    high: float


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


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return between what two values the median of *values* is, with 95 % certainty.

    By drawing as many of them anew, again and again: it needs no law that they follow.
    """
    draw = random.Random(SEED)  # noqa: S311
    found = sorted(median(draw.choices(values, k=len(values))) for _ in range(DRAWS))
    return found[DRAWS * 25 // 1000], found[-1 - DRAWS * 25 // 1000]


def ratio_table(rounds: Sequence[Round], variants: Sequence[str], bases: Mapping[str, str]) -> str:
    """Return a Markdown table of ratios: the median, and its 95 % interval in brackets.

    :param bases: variant -> what it is compared with, where that is not :data:`BASE`.
    """

    def cell(variant: str, key: str) -> str:
        found = ratios(rounds, variant, key, bases.get(variant, BASE))
        if variant == BASE or not found:
            return "1" if found else "-"
        low, high = interval(found)
        return f"{median(found):.3f} ({low:.3f}-{high:.3f})"

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
