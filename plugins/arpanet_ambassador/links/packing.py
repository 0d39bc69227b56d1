"""The links as JSON; what did not change since the last time is what was made then. Pure."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from arpanet import Target, codec

__all__ = ["Packer", "Row"]

Targets = tuple[Target, ...]
#: A link, as :func:`arpanet.codec.pack_link` has it.
Row = tuple[int | str, ...]


class _Packed(NamedTuple):
    given: object
    said: Sequence[object]
    rows: Sequence[Row]
    text: str
    targets: Sequence[tuple[Targets, str]]


class Packer:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._last = _Packed(None, (), (), "[]", ())

    def pack(
        self,
        ways: Sequence[Targets],
        given: object,
        said: Sequence[object],
        indices: Sequence[int],
        row: Callable[[int], Row],
    ) -> str:
        """Return what :func:`arpanet.codec.pack_links` makes of links, without the braces.

        :param ways: where they lead, in the order that the rows have it.
        :param given: what the rows follow from, beside what is *said* of each way.
        :param indices: of each link, the way that it needs; -1: none.
        :param row: returns that of a link, by its place in *indices*.
        """
        last = self._last
        rows, text = last.rows, last.text
        if last.given != given:
            rows = [row(number) for number in range(len(indices))]
            text = _json(rows)
        elif last.said != said:
            news = {at for at, one in enumerate(said) if one != last.said[at]}
            rows = [row(n) if indices[n] in news else old for n, old in enumerate(last.rows)]
            text = _json(rows)
        known = {id(one): packed for one, packed in last.targets}
        targets = [(one, known.get(id(one)) or _packed(one)) for one in ways]
        self._last = _Packed(given, said, rows, text, targets)
        return f'"targets":[{",".join(packed for _, packed in targets)}],"links":{text}'


def _packed(targets: Targets) -> str:
    return _json(codec.pack_targets(targets))


def _json(found: object) -> str:
    return json.dumps(found, separators=(",", ":"))
