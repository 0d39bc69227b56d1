"""A plan, and how the planes fared with it -> the links that ``arpanet links`` shows; pure."""

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

from arpanet import Link, codec
from arpanet_ambassador.links.packing import Packer, Row
from arpanet_ambassador.links.plan import Plan, Resolved
from arpanet_ambassador.links.waiting import LABEL
from arpanet_ambassador.planes.chain import Carried

__all__ = ["Links"]


class Links(Sequence[Link]):
    """Every declared link with what carries it, by client, port and form.

    Where an instance comes or goes, thousands of links lead elsewhere, and nobody may look at one
    of them: each is made when somebody does.

    :param packer: keeps what is the same from one to the next.
    """

    def __init__(self, plan: Plan, carried: Carried, packer: Packer | None = None) -> None:
        self._plan, self._carried, self._packer = plan, carried, packer or Packer()

    def __len__(self) -> int:
        return len(self._plan.ground.links)

    @overload
    def __getitem__(self, at: int) -> Link: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Link]: ...

    def __getitem__(self, at: int | slice) -> Link | Sequence[Link]:
        if isinstance(at, slice):
            return self._every[at]
        return self._one(range(len(self))[at])

    def __iter__(self) -> Iterator[Link]:
        return iter(self._every)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Links) and self.alike(other):
            return self._said == other._said
        if isinstance(other, Links) and len(self) != len(other):
            return False  # a client started or ended: no link has to be made to see that
        return isinstance(other, Sequence) and self._every == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def alike(self, other: "Links") -> bool:
        """Tell whether what *other* has differs in no more than where links lead."""
        return self._plan.ground is other._plan.ground and self._carried is other._carried

    def moved(self, before: "Links") -> list[list[int]]:
        """Return the places of links that lead elsewhere than those of *before*, which are alike.

        Those of one way are one list, as far as one plane carries them.
        """
        pairs = zip(self._said, before._said, strict=True)
        news = {index for index, (one, old) in enumerate(pairs) if one != old}
        ground, planes = self._plan.ground, self._carried.planes
        groups: dict[tuple[int, str, str], list[int]] = {}
        for number, index in enumerate(ground.indices):
            if index in news:
                link, dialled = ground.links[number], ground.frontends[number]
                plane = planes.get((link.namespace, dialled[0]), "") if dialled else ""
                groups.setdefault((index, link.text, plane), []).append(number)
        return list(groups.values())

    @property
    def packed(self) -> str:
        """What :func:`arpanet.codec.pack_links` makes of them, as JSON without the braces."""
        ground = self._plan.ground
        said = [(bool(way.targets), way.error, way.note) for way in self._plan.ways]
        ways = [*(way.targets for way in self._plan.ways), ()]
        given = ground, self._carried
        return self._packer.pack(ways, given, said, ground.indices, self._row)

    def _row(self, number: int) -> Row:
        ground = self._plan.ground
        index = ground.indices[number]
        place = index if index >= 0 and ground.frontends[number] else len(self._plan.ways)
        return codec.pack_link(self._one(number), place)

    @property
    def _said(self) -> list[tuple[object, ...]]:
        """What of where links lead anybody is told."""
        return [(way.targets, way.error, way.note) for way in self._plan.ways]

    @cached_property
    def _every(self) -> tuple[Link, ...]:
        return tuple(map(self._one, range(len(self))))

    def _one(self, number: int) -> Link:
        return _link(self._plan.resolved(number), self._carried)


def _link(one: Resolved, carried: Carried) -> Link:
    declared = one.declared
    dialled = one.frontends if declared.spec else ()  # without one it is refused, and not carried
    keys = [(declared.namespace, frontend) for frontend in dialled]
    plane = max([carried.planes.get(key, "") for key in keys], default="")
    # mostly there are none at all, and a start has thousands of links looked at
    whys = (why for key in keys for why in carried.reasons.get(key, ())) if carried.reasons else ()
    reasons = "; ".join(dict.fromkeys(whys))
    return Link(
        declared.client,
        declared.port,
        declared.text,
        declared.dials,
        one.targets,
        plane,
        error=one.error or ("" if plane else reasons),
        note="; ".join(
            filter(None, (_added(one), one.note, _waits(one, carried), reasons if plane else ""))
        ),
    )


def _added(one: Resolved) -> str:
    """Return that it was added to the running container, and until when."""
    added = one.declared.added
    if added and added.until:
        return f"added, until {time.strftime('%F %T UTC', time.gmtime(added.until))}"
    return "added" if added else ""


def _waits(one: Resolved, carried: Carried) -> str:
    """Say whether a link that was told to wait can, while it has to."""
    declared = one.declared
    if not declared.wait or one.targets or not one.frontends:
        return ""
    if declared.protocol != "tcp":
        return f"{LABEL} does nothing for UDP"
    if one.places.keys() != set(one.frontends):
        why = "its client shares no network with the ambassador, or has another link on this port"
        return f"{LABEL} can't be kept: {why}"
    keys = [(declared.namespace, place) for place in one.places.values()]
    if whys := [carried.unheld[key] for key in keys if key in carried.unheld]:
        return f"{LABEL} can't be kept: {whys[0]}"
    return f"a dial waits up to {declared.wait:g} s for the first instance"
