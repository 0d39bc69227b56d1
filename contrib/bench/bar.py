"""The ways that are compared, and the bars that they must take; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from contrib.bench.figures import BASE, Round, absolute_table, interval, ratio_table, ratios

__all__ = [
    "AGAIN",
    "BARS",
    "HAPROXY",
    "MEMORY",
    "NFTABLES",
    "OBSERVED",
    "OVERLAY",
    "PROXY",
    "SAME_HOST",
    "SAME_HOST_DIRECT",
    "SOCKET",
    "WAYS",
    "Bar",
    "meets_the_bars",
    "report",
]

AGAIN = "the same again (noise)"
SOCKET = "arpanet, socket plane"
OBSERVED = "arpanet, no link, but noted for `flows`"
NFTABLES = "arpanet, nftables plane"
PROXY = "arpanet, proxy plane"
HAPROXY = "HAProxy on the client's host"
OVERLAY = "Swarm overlay network, `dnsrr`"
SAME_HOST_DIRECT = "same host, published port"
SAME_HOST = "same host, arpanet"
WAYS = (
    BASE,
    AGAIN,
    SOCKET,
    OBSERVED,
    NFTABLES,
    PROXY,
    HAPROXY,
    OVERLAY,
    SAME_HOST_DIRECT,
    SAME_HOST,
)
#: What is not compared with direct over two hosts.
BASES = {SAME_HOST: SAME_HOST_DIRECT}
#: Bytes that the proxy's agent may have resident with 5,000 open connections.
MEMORY = 150e6


@dataclass(frozen=True)
class Bar:
    """What one way must come to.

    :ivar key: of a measure.
    :ivar least: the ratio, at least; the median over all rounds counts.
    """

    way: str
    key: str
    least: float
    base: str = BASE


BARS = (
    Bar(SOCKET, "dials", 0.95),
    Bar(SOCKET, "gets", 0.99),
    Bar(SOCKET, "bulk", 0.98),
    Bar(NFTABLES, "dials", 0.75),
    Bar(NFTABLES, "gets", 0.85),
    Bar(PROXY, "gets", 0.6, HAPROXY),
    Bar(PROXY, "bulk", 0.9, HAPROXY),
    Bar(SAME_HOST, "gets", 1.3, SAME_HOST_DIRECT),
    Bar(SAME_HOST, "once", 1.3, SAME_HOST_DIRECT),
)


def meets_the_bars(rounds: Sequence[Round], memory: float) -> bool:
    """Whether all is as fast, and as small, as promised."""
    found = [median(ratios(rounds, one.way, one.key, one.base)) >= one.least for one in BARS]
    return all(found) and memory < MEMORY


def report(rounds: Sequence[Round], memory: float) -> str:
    """Return the tables, in Markdown, and the bars.

    :param memory: bytes that the proxy's agent had with 5,000 connections.
    """
    lines = []
    for one in BARS:
        found = ratios(rounds, one.way, one.key, one.base)
        low, high = interval(found)
        words = "holds" if median(found) >= one.least else "MISSED"
        what = f"{one.way}, {one.key}, to {one.base}"
        lines.append(
            f"* {what}: {median(found):.3f} ({low:.3f}-{high:.3f}), bar {one.least}: {words}"
        )
    words = "holds" if memory < MEMORY else "MISSED"
    lines.append(f"* the proxy with 5,000 connections: {memory / 1e6:.0f} MB, bar 150: {words}")
    tables = ratio_table(rounds, WAYS, BASES), absolute_table(rounds, WAYS)
    return "\n\n".join((*tables, "\n".join(lines)))
