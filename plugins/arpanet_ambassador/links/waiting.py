"""Links that wait for their first instance: ``connect.wait=30s`` on a client, or a setting. Pure.

A kernel refuses or connects, it can't wait; the proxy can. So a link that waits has a place at
the ambassador where the proxy listens for it, and leads there for as long as it has no target.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from arpanet import Container
from arpanet_ambassador.planes.plane import Frontend

__all__ = ["LABEL", "places", "seconds", "time_to_wait"]

LABEL = "connect.wait"
_FORM = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)(ms|s|m)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
#: Seconds: who waits longer than this is better told.
MOST = 600.0


def time_to_wait(text: str) -> float:
    """Return the seconds that *text* is, as ``30s``; 0: no dial waits.

    :raises ValueError: it is none; a sentence about what it must be.
    """
    found = _FORM.fullmatch(text.strip())
    given = float(found[1]) * _UNITS[found[2]] if found else -1.0
    if not 0 <= given <= MOST:
        raise ValueError(f"must be a time, as 30s, up to {MOST / 60:.0f}m; 0s: none")
    return given


def seconds(container: Container, otherwise: float = 0.0) -> float:
    """Return how long a dial of *container* may wait; 0: it does not.

    :param otherwise: what holds for a container that does not say.
    :raises ValueError: its label makes no sense; one sentence says why.
    """
    text = container.labels.get(LABEL)
    if text is None:
        return otherwise
    try:
        return time_to_wait(text)
    except ValueError:
        form = f"write {LABEL}=30s, up to {MOST / 60:.0f}m"
        raise ValueError(f"the label {LABEL}={text} is no time to wait: {form}") from None


def places(
    dialled: Iterable[Frontend], ambassadors: Iterable[str], taken: Collection[Frontend]
) -> Mapping[Frontend, Frontend]:
    """Return where the proxy listens for each of *dialled*; nothing where it can't.

    What dials the ambassador is held where it dials.

    :param ambassadors: its addresses, as the client may dial them.
    :param taken: what the client's other links have there.
    """
    found = {}
    for one in dialled:
        if one.protocol != "tcp":
            continue
        if not one.loopback:
            found[one] = one
            continue
        there = (Frontend(ip, one.port) for ip in sorted(ambassadors))
        if free := next((place for place in there if place not in taken), None):
            found[one] = free
    return found
