"""What clients that dial in their first instruction came to, and the table of it; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

from contrib.bench.figures import markdown

__all__ = ["FORMS", "KINDS", "PLANES", "SERVED", "Cell", "Form", "Shot", "cells", "report"]

#: What a client says that was served.
SERVED = "served"
PLANES = ("socket", "nftables", "proxy")
#: One container for each dial; the same one, restarted; one in another's network namespace.
KINDS = ("run", "restart", "guest")


@dataclass(frozen=True)
class Form:
    """A way to declare a link.

    :ivar options: of ``docker run``; *host*, what is then dialled, by *protocol*.
    """

    options: str
    host: str
    protocol: str = "tcp"


#: ``{port}`` is what the client dials.
FORMS = {
    "variable": Form("--link arpanet_backends:alias -e BACKEND_{port}=first", "alias"),
    "localhost": Form("--label connect.{port}=first", "localhost"),
    "name": Form("--label connect.cache:{port}=first", "cache"),
    "udp": Form("--label connect.{port}/udp=second", "localhost", "udp"),
}
#: What the proxy carries; Docker makes no links of who lives in another's namespace.
_PROXIED, _TIED = ("variable",), ("variable",)


@dataclass(frozen=True)
class Cell:
    """What is tried: one line of the table.

    :ivar busy: how many busy loops run meanwhile.
    """

    plane: str
    form: str
    kind: str
    at_once: int
    busy: int


@dataclass(frozen=True)
class Shot:
    """What one client said, and the seconds until it had."""

    said: str
    seconds: float


def cells(
    planes: Sequence[str],
    forms: Sequence[str],
    kinds: Sequence[str],
    at_once: Sequence[int],
    busy: Sequence[int],
) -> list[Cell]:
    """Return all combinations that there can be."""
    every = (Cell(*one) for one in product(planes, forms, kinds, at_once, busy))
    return [
        one
        for one in every
        if one.plane != "proxy" or one.form in _PROXIED
        if one.kind != "guest" or one.form not in _TIED
    ]


def report(found: Sequence[tuple[Cell, Sequence[Shot], Sequence[Shot]]]) -> str:
    """Return the table: of each cell its linked clients, and its plain ones, which have no link."""
    rows = []
    for cell, linked, plain in found:
        served = sum(one.said == SERVED for one in linked)
        times = [1000 * median(one.seconds for one in shots) for shots in (plain, linked)]
        words = Counter(one.said for one in linked if one.said != SERVED)
        rows.append(
            (
                *(cell.plane, cell.form, cell.kind, str(cell.at_once), str(cell.busy)),
                f"{served} of {len(linked)}",
                *(f"{one:.0f}" for one in (*times, times[1] - times[0])),
                ", ".join(f"{word} ({times})" for word, times in sorted(words.items())),
            )
        )
    head = ("plane", "form", "kind", "at once", "busy loops", "served", "plain, ms", "linked, ms")
    return markdown((*head, "more, ms", "else"), rows)
