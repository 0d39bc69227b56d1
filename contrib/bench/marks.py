"""What one start of a server comes to, and tables of many; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from contrib.bench.figures import markdown, spread

__all__ = ["MARKS", "Run", "meets_the_bar", "milliseconds", "report"]

#: The bar, for the median from a start event to a link that works.
BAR_MS = 50.0


@dataclass(frozen=True)
class Run:
    """One start of the server; all in nanoseconds since the epoch.

    :ivar event: of Docker's start event.
    :ivar registered: when a watch on a third host saw the instance in etcd.
    :ivar listening: of the first connection to the published port from the client's host.
    :ivar linked: of the first connection over the link.
    """

    event: int
    registered: int
    listening: int
    linked: int


#: The columns: what, and its milliseconds in a run.
MARKS = (
    ("start event to linked", lambda run: run.linked - run.event),
    ("start event to server listening", lambda run: run.listening - run.event),
    ("start event to seen in etcd", lambda run: run.registered - run.event),
    ("seen in etcd to linked", lambda run: run.linked - run.registered),
    (
        "both started and listening to linked",
        lambda run: run.linked - max(run.event, run.listening),
    ),
)


def meets_the_bar(runs: Sequence[Run]) -> bool:
    """Whether links follow as quickly as promised."""
    return milliseconds(runs, 0)[0] < BAR_MS


def milliseconds(runs: Sequence[Run], mark: int) -> tuple[float, float, float]:
    """Return the median, the 90th percentile and the worst of one of :data:`MARKS`."""
    values = sorted(MARKS[mark][1](run) / 1e6 for run in runs)
    at90 = values[min(len(values) - 1, round(0.9 * (len(values) - 1)))]
    return spread(values).median, at90, values[-1]


def report(runs: Sequence[Run]) -> str:
    """Return the table, in Markdown, and the bar."""
    rows = [
        [name, *(f"{value:.0f}" for value in milliseconds(runs, index))]
        for index, (name, _) in enumerate(MARKS)
    ]
    table = markdown(["ms", "median", "90 %", "worst"], rows)
    return f"{table}\n\n{len(runs)} starts, three masters (bar for the median: {BAR_MS:.0f} ms)."
