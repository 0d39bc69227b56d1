"""Every link to the first plane that carries it."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from arpanet_ambassador.planes.plane import LOOPBACK, NOWHERE, Client, Frontend, Home, Plane

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
        self._former = tuple(former)

    @property
    def drift(self) -> int:
        """How often what somebody else had changed was put right."""
        return sum(plane.drift for plane in self.planes)

    def apply(self, clients: Mapping[str, Client], check: bool = False) -> Carried:
        """Have each link of *clients* carried; what no plane is given any more goes."""
        carriers: dict[Key, str] = {}
        reasons: dict[Key, tuple[str, ...]] = {}
        every, unheld = clients, dict.fromkeys(_places(clients), NOBODY_HOLDS)
        for plane in self.planes:
            fitting, clients, nowhere = _divided(plane, clients, reasons)
            if plane.holds:
                fitting = _with_held(fitting, every)
            troubles = plane.apply(fitting, check)
            if plane.holds:
                unheld = {key: troubles[key] for key in unheld if key in troubles}
            troubled = {key for key, _ in troubles}
            for key, client in fitting.items():
                if key not in troubled:  # nearly all, each time
                    for frontend in client.links:
                        carriers[key, frontend] = plane.name
                    continue
                failed = {
                    f: t
                    for f, t in client.links.items()
                    if (key, f) in troubles and (key, f) not in nowhere
                }
                for frontend in client.links.keys() - failed.keys():
                    carriers[key, frontend] = plane.name
                for frontend in failed:
                    why = reasons.get((key, frontend), ())
                    reasons[key, frontend] = (*why, troubles[key, frontend])
                if failed:
                    rest = clients[key].links if key in clients else {}
                    clients[key] = replace(client, links={**rest, **failed})
            for one in nowhere:
                del carriers[one]
        return Carried(carriers, reasons, unheld)

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


def _places(clients: Mapping[str, Client]) -> list[Key]:
    return [(key, place) for key, client in clients.items() for place in client.held]


def _with_held(fitting: Mapping[str, Client], every: Mapping[str, Client]) -> dict[str, Client]:
    """Return *fitting* and, with no links, the others of *every* that have places."""
    more = {key: replace(one, links={}) for key, one in every.items() if one.held}
    return {**more, **fitting}


def _divided(
    plane: Plane, clients: Mapping[str, Client], reasons: dict[Key, tuple[str, ...]]
) -> tuple[dict[str, Client], dict[str, Client], set[Key]]:
    """Return *clients* with the links that *plane* can carry, and with the others.

    And those of the others that it is to refuse all the same: dialled by a name, they would lead to
    where localhost leads.
    """
    fitting, others, nowhere = {}, {}, set()
    for key, client in clients.items():
        refused = {}
        sandboxed = _sandboxed(client.home) if plane.inside else ""
        for frontend, targets in client.links.items():
            if why := sandboxed or plane.refuses(frontend, targets):
                refused[frontend] = targets
                reasons[key, frontend] = (*reasons.get((key, frontend), ()), why)
        if not refused:
            fitting[key] = client
            continue
        others[key] = replace(client, links=refused)
        rest = {f: t for f, t in client.links.items() if f not in refused}
        hidden = [one for one in refused if one.named and one._replace(address=LOOPBACK) in rest]
        if hidden:
            rest |= dict.fromkeys(hidden, ())
            sources = {**client.sources, **dict.fromkeys(hidden, NOWHERE)}
            fitting[key] = replace(client, links=rest, sources=sources)
            nowhere |= {(key, one) for one in hidden}
        elif rest:
            fitting[key] = replace(client, links=rest)
    return fitting, others, nowhere


def _sandboxed(home: Home) -> str:
    return f"the runtime {home.sandbox} has a network stack of its own" if home.sandbox else ""
