"""Every link to the first plane that carries it."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from arpanet_ambassador.planes.plane import (
    LOOPBACK,
    NOWHERE,
    Client,
    Frontend,
    Home,
    Plane,
    Pools,
    Troubles,
)

__all__ = ["Carried", "Chain"]

log = logging.getLogger(__name__)

NOBODY_HOLDS = "ARPANET_PLANE leaves no proxy to hold it"

#: (``Home.namespace``, what is dialled there)
Key = tuple[str, Frontend]


@dataclass(frozen=True)
class Carried:
    """What became of each link.

    :ivar planes: the name of the plane that carries it; without one, it is not carried.
    :ivar reasons: why better planes, or all of them, don't.
    :ivar unheld: of places where links wait for their first instance: why nobody is held there.
    """

    planes: Mapping[Key, str] = field(default_factory=dict)
    reasons: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    unheld: Mapping[Key, str] = field(default_factory=dict)


class Chain:
    """Planes, best first. To be used from one thread.

    :param former: planes that are not used, but may have been: what they have left would still be
        dialled. It goes as soon as the others carry their links (:meth:`tidy`).
    """

    def __init__(self, planes: Sequence[Plane], former: Sequence[Plane] = ()) -> None:
        self.planes = tuple(planes)
        self._shares = [_Share(plane) for plane in planes]
        self._former = tuple(former)
        self._parts: list[_Part] = []
        self._carried = Carried()

    @property
    def drift(self) -> int:
        """How often what somebody else had changed was put right."""
        return sum(plane.drift for plane in self.planes)

    def apply(self, clients: Mapping[str, Client], pools: Pools, check: bool = False) -> Carried:
        """Have each link of *clients* carried; what no plane is given any more goes.

        What is returned is the object of before as long as nothing of it differs.
        """
        rest, parts = clients, []
        for share in self._shares:
            parts.append(share.apply(rest, clients, pools, check))
            rest = parts[-1].rest
        if not self._parts or any(a is not b for a, b in zip(parts, self._parts, strict=True)):
            self._parts, self._carried = parts, _carried(clients, parts)
        return self._carried

    def tidy(self, homes: Mapping[str, Home]) -> None:
        """Take away what earlier processes have left; once, after the first :meth:`apply`.

        :param homes: of all running containers, by ``Home.namespace``.
        """
        left = {plane.name: plane.clear(list(homes.values())) for plane in self._former}
        left |= {plane.name: plane.tidy(homes) for plane in self.planes}
        for name, troubles in left.items():
            for why, count in Counter(troubles.values()).items():  # mostly all have the same
                words = "the %s plane may have left links in containers (%d), unseen: %s"
                log.warning(words, name, count, why)

    def due(self) -> float | None:
        """Return in how many seconds something is to be tried again, ``None``: nothing is."""
        times = [due for plane in self.planes if (due := plane.due()) is not None]
        return min(times, default=None)

    def clear(self, homes: Collection[Home]) -> Mapping[str, str]:
        """Take away all that planes ever made on this host; return container -> trouble."""
        return {k: v for plane in self.planes for k, v in plane.clear(homes).items()}

    def close(self) -> None:
        """Let go of what only this process uses; links go on."""
        for plane in self.planes:
            plane.close()


class _Division(NamedTuple):
    """Clients with the links that a plane can carry, and with the others.

    :ivar nowhere: those of the others that it is to refuse all the same: dialled by a name, they
        would lead to where localhost leads.
    :ivar reasons: why it can't carry the others.
    """

    fitting: Mapping[str, Client]
    others: Mapping[str, Client]
    nowhere: frozenset[Key]
    reasons: Mapping[Key, str]


class _Part(NamedTuple):
    """What one plane made of the links that it was offered.

    :ivar rest: what the next plane is offered.
    :ivar carries: the links that it carries.
    :ivar reasons: why it does not carry the others.
    :ivar unheld: of a plane that holds: why nobody is held at a place.
    """

    plane: Plane
    rest: Mapping[str, Client]
    carries: Collection[Key]
    reasons: Mapping[Key, str]
    unheld: Troubles


class _Share:
    """One plane's share of the links; while nothing differs, what was made of them before."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._offered: tuple[Mapping[str, Client], Mapping[str, Client]] | None = None
        self._kinds: Collection[tuple[Frontend, str]] = ()
        self._refused: dict[tuple[Frontend, str], str] = {}
        self._division = _Division({}, {}, frozenset(), {})
        self._troubles: Troubles = {}
        self._part: _Part | None = None

    def apply(
        self,
        clients: Mapping[str, Client],
        every: Mapping[str, Client],
        pools: Pools,
        check: bool,
    ) -> _Part:
        """Offer *clients* to the plane; *every* one of them may have places to be held at."""
        self._divide(clients, every, pools)
        troubles = self._plane.apply(self._division.fitting, pools, check)
        if self._part is None or troubles != self._troubles:
            self._part = _part(self._plane, self._division, troubles)
            self._troubles = troubles
        return self._part

    def _divide(
        self, clients: Mapping[str, Client], every: Mapping[str, Client], pools: Pools
    ) -> None:
        same = self._offered and self._offered[0] is clients and self._offered[1] is every
        if not same:
            self._kinds = {one for client in clients.values() for one in client.links.items()}
        refuses = self._plane.refuses
        refused = {
            (frontend, pool): why
            for frontend, pool in self._kinds
            if (why := refuses(frontend, pools.get(pool, ())))
        }
        if same and refused == self._refused:
            return
        self._offered, self._refused, self._part = (clients, every), refused, None
        found = _divided(self._plane, clients, refused)
        if self._plane.holds:
            found = found._replace(fitting=_with_held(found.fitting, every))
        self._division = found


def _with_held(fitting: Mapping[str, Client], every: Mapping[str, Client]) -> Mapping[str, Client]:
    """Return *fitting* and, with no links, the others of *every* that have places."""
    more = {key: replace(one, links={}) for key, one in every.items() if one.held}
    return {**more, **fitting}


def _divided(
    plane: Plane, clients: Mapping[str, Client], refused: Mapping[tuple[Frontend, str], str]
) -> _Division:
    """Return *clients* divided by what *plane* can carry: it has *refused* some kinds of links."""
    fitting, others, nowhere = {}, {}, set()
    reasons: dict[Key, str] = {}
    for key, client in clients.items():
        sandboxed = _sandboxed(client.home) if plane.inside else ""
        whys = {
            one[0]: why
            for one in (client.links.items() if sandboxed or refused else ())
            if (why := sandboxed or refused.get(one, ""))
        }
        if not whys:
            fitting[key] = client
            continue
        reasons |= {(key, frontend): why for frontend, why in whys.items()}
        others[key] = replace(client, links={one: client.links[one] for one in whys})
        rest = {f: pool for f, pool in client.links.items() if f not in whys}
        hidden = [one for one in whys if one.named and one._replace(address=LOOPBACK) in rest]
        nowhere |= {(key, one) for one in hidden}
        if rest:
            fitting[key] = replace(client, links={**rest, **dict.fromkeys(hidden, NOWHERE)})
    return _Division(fitting, others, frozenset(nowhere), reasons)


def _part(plane: Plane, division: _Division, troubles: Troubles) -> _Part:
    failed = troubles.keys() - division.nowhere
    carries, rest, reasons = [], dict(division.others), dict(division.reasons)
    for key, client in division.fitting.items():
        lost = {}
        for frontend, pool in client.links.items():
            if (key, frontend) in failed:
                lost[frontend] = pool
            elif (key, frontend) not in division.nowhere:
                carries.append((key, frontend))
        if lost:
            reasons |= {(key, one): troubles[key, one] for one in lost}
            more = rest[key].links if key in rest else {}
            rest[key] = replace(client, links={**more, **lost})
    return _Part(plane, rest, carries, reasons, troubles)


def _carried(clients: Mapping[str, Client], parts: Sequence[_Part]) -> Carried:
    reasons: dict[Key, tuple[str, ...]] = {}
    places = [(key, place) for key, client in clients.items() for place in client.held]
    unheld = dict.fromkeys(places, NOBODY_HOLDS)
    planes: dict[Key, str] = {}
    for part in parts:
        planes |= dict.fromkeys(part.carries, part.plane.name)
        for key, why in part.reasons.items():
            reasons[key] = (*reasons.get(key, ()), why)
        if part.plane.holds:
            unheld = {key: part.unheld[key] for key in unheld if key in part.unheld}
    return Carried(planes, reasons, unheld)


def _sandboxed(home: Home) -> str:
    return f"the runtime {home.sandbox} has a network stack of its own" if home.sandbox else ""
