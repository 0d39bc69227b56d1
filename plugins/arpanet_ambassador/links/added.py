"""Links that were added to running containers, as they are kept; pure.

A container's own declarations never change. What is added to it beside them is kept by its id, so
that it is there again when the container is started again, and for no other container of its name.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import NamedTuple

from arpanet import codec

__all__ = [
    "Added",
    "Now",
    "by_container",
    "decode",
    "due",
    "encode",
    "left",
    "port_of",
    "put",
    "without",
]

_PORT = re.compile(r"([0-9]{1,20})(?:/(tcp|udp))?")


@dataclass(frozen=True, order=True)
class Added:
    """One link of one container: the app dials ``localhost:<port>``.

    :ivar container: the container's id.
    :ivar protocol: ``tcp`` or ``udp``.
    :ivar text: the value, as in a declaration.
    :ivar until: when it ends, in seconds since the epoch, by the clock as it was set when the link
        was added; 0: it stays.
    :ivar boot: in which run of the host's kernel it was added.
    :ivar ends: when it ends, in seconds of that run: a clock on the wall is set.
    """

    container: str
    port: int
    protocol: str
    text: str
    until: float = 0.0
    boot: str = ""
    ends: float = 0.0

    @property
    def dialled(self) -> tuple[str, int, str]:
        """What there is one link for."""
        return self.container, self.port, self.protocol


class Now(NamedTuple):
    """A moment by both clocks.

    :ivar wall: seconds since the epoch.
    :ivar boot: the run of the host's kernel.
    :ivar up: seconds that it has lasted.
    """

    wall: float
    boot: str = ""
    up: float = 0.0


def port_of(text: str) -> tuple[int, str]:
    """Return port and protocol of what a person writes: ``6379``, ``53/udp``.

    :raises ValueError: it is neither.
    """
    match = _PORT.fullmatch(text)
    if not match:
        raise ValueError(
            f"'{text}' is no port: write <port> or <port>/udp; the app dials localhost:<port>"
        )
    return int(match[1]), match[2] or "tcp"


def encode(every: Iterable[Added]) -> str:
    """Return what is written to the file."""
    return json.dumps([astuple(one) for one in sorted(every)])


def decode(text: str) -> tuple[Added, ...]:
    """Return what a file says.

    :raises ValueError: it was not written by :func:`encode`.
    """
    found = []
    for one in _list(codec.parse(text)):
        match one:
            case [str() as container, int() as port, str() as protocol, str() as spec, *times]:
                found.append(Added(container, port, protocol, spec, *_times(times)))
            case _:
                raise ValueError("an entry of it is no link")
    return tuple(found)


def _times(given: list[object]) -> tuple[float, str, float]:
    match given:
        case [int() | float() as until]:  # a former version's
            return float(until), "", 0.0
        case [int() | float() as until, str() as boot, int() | float() as ends]:
            return float(until), boot, float(ends)
    raise ValueError("an entry of it is no link")


def left(one: Added, now: Now) -> float:
    """Return in how many seconds it ends: by the clock on the wall only after another boot."""
    if not one.until:
        return float("inf")
    return one.ends - now.up if one.boot and one.boot == now.boot else one.until - now.wall


def by_container(every: Iterable[Added], now: Now) -> dict[str, tuple[Added, ...]]:
    """Return container id -> its links, but for those that have ended at *now*."""
    found: dict[str, tuple[Added, ...]] = {}
    for one in every:
        if left(one, now) > 0:
            found[one.container] = (*found.get(one.container, ()), one)
    return found


def due(found: Mapping[str, tuple[Added, ...]], now: Now) -> float | None:
    """Return in how many seconds the first of them ends; ``None``: none does."""
    return min((left(one, now) for own in found.values() for one in own if one.until), default=None)


def put(every: Iterable[Added], fresh: Added) -> tuple[Added, ...]:
    """Return *every* with *fresh*, in the place of what was dialled the same way."""
    return (*without(every, fresh.dialled), fresh)


def without(every: Iterable[Added], dialled: tuple[str, int, str]) -> tuple[Added, ...]:
    """Return *every* but what is *dialled* so."""
    return tuple(one for one in every if one.dialled != dialled)


def _list(found: object) -> list[object]:
    if not isinstance(found, list):
        raise ValueError("it is no list of links")
    return found
