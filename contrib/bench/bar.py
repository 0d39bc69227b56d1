"""The ways that are compared, and the bar that the socket plane must take; pure."""

from collections.abc import Sequence

from contrib.bench.figures import BASE, Round, absolute_table, ratio_table, ratios, spread

__all__ = ["HAPROXY", "NFTABLES", "PROXY", "SOCKET", "against_the_bar", "meets_the_bar", "report"]

SOCKET = "arpanet, socket plane"
NFTABLES = "arpanet, nftables plane"
PROXY = "arpanet, proxy plane"
HAPROXY = "HAProxy on the client's host"

#: The bar: the socket plane's redis GET/s over direct, and over HAProxy.
OVER_DIRECT, OVER_HAPROXY = 0.95, 1.6


def against_the_bar(rounds: Sequence[Round]) -> tuple[float, float]:
    """Return the socket plane's GET/s over direct and over HAProxy: medians over *rounds*."""
    over_direct = ratios(rounds, SOCKET, "gets")
    over_haproxy = ratios(rounds, SOCKET, "gets", base=HAPROXY)
    return spread(over_direct).median, spread(over_haproxy).median


def meets_the_bar(rounds: Sequence[Round]) -> bool:
    """Whether the socket plane is as fast as promised."""
    over_direct, over_haproxy = against_the_bar(rounds)
    return over_direct >= OVER_DIRECT and over_haproxy >= OVER_HAPROXY


def report(rounds: Sequence[Round]) -> str:
    """Return the tables, in Markdown, and the bar."""
    over_direct, over_haproxy = against_the_bar(rounds)
    ways = (BASE, SOCKET, NFTABLES, PROXY, HAPROXY)
    return "\n\n".join(
        (
            ratio_table(rounds, ways),
            absolute_table(rounds, ways),
            f"redis GET/s of the socket plane: {over_direct:.2f} of direct (bar: {OVER_DIRECT}), "
            f"{over_haproxy:.2f} times HAProxy (bar: {OVER_HAPROXY}).",
        )
    )
