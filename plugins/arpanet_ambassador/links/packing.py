"""The links as JSON; what did not change since the last time is the text of then. Pure."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from arpanet import Target, codec

__all__ = ["Packer", "Row"]

Targets = tuple[Target, ...]
#: A link, as :func:`arpanet.codec.pack_link` has it.
Row = tuple[int | str, ...]


class _Packed(NamedTuple):
    words: object
    rows: str
    targets: Sequence[tuple[Targets, str]]


class Packer:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._last = _Packed(None, "[]", ())

    def pack(self, ways: Sequence[Targets], words: object, rows: Callable[[], list[Row]]) -> str:
        """Return what :func:`arpanet.codec.pack_links` makes of links, without the braces.

        :param ways: where they lead, in the order that the rows have it.
        :param words: equal to those of before where the *rows* are the same.
        """
        last = self._last
        text = last.rows if last.words == words else _json(rows())
        known = {id(one): packed for one, packed in last.targets}
        targets = [(one, known.get(id(one)) or _packed(one)) for one in ways]
        self._last = _Packed(words, text, targets)
        return f'"targets":[{",".join(packed for _, packed in targets)}],"links":{text}'


def _packed(targets: Targets) -> str:
    return _json(codec.pack_targets(targets))


def _json(found: object) -> str:
    return json.dumps(found, separators=(",", ":"))
