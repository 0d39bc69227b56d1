"""A plan, and how the planes fared with it -> the links that ``arpanet links`` shows; pure."""

import time

from arpanet import Link
from arpanet_ambassador.links.plan import Plan, Resolved
from arpanet_ambassador.links.waiting import LABEL
from arpanet_ambassador.planes.chain import Carried

__all__ = ["Outcome"]


class Outcome:
    """The links of one plan after another; what did not change is the very object of before."""

    def __init__(self) -> None:
        self._plan, self._carried = Plan(), Carried()
        self._links: tuple[Link, ...] = ()

    def links(self, plan: Plan, carried: Carried) -> tuple[Link, ...]:
        """Return every declared link with what carries it, by client, port and form."""
        if self._carried != carried or self._plan.ground is not plan.ground:
            self._links = tuple(_link(one, carried) for one in plan.resolved)
        elif self._plan is not plan:
            known = zip(plan.resolved, self._plan.resolved, self._links, strict=True)
            self._links = tuple(
                link if one is old else _again(one, old, link) or _link(one, carried)
                for one, old, link in known
            )
        self._plan, self._carried = plan, carried
        return self._links


def _again(one: Resolved, old: Resolved, link: Link) -> Link | None:
    """Return the *link* of before with other targets, where nothing else of it can have changed.

    One instance that comes or goes changes no more, of all links of its service.
    """
    words = one.error == old.error and one.note == old.note
    if not words or one.declared is not old.declared or one.declared.wait:
        return None
    return Link(
        link.client,
        link.port,
        link.spec,
        link.dials,
        one.targets,
        link.plane,
        link.error,
        link.note,
    )


def _link(one: Resolved, carried: Carried) -> Link:
    declared = one.declared
    dialled = one.frontends if declared.spec else ()  # without one it is refused, and not carried
    keys = [(declared.namespace, frontend) for frontend in dialled]
    planes = sorted({carried.planes.get(key, "") for key in keys})
    plane = planes[-1] if planes else ""
    reasons = "; ".join(dict.fromkeys(why for key in keys for why in carried.reasons.get(key, ())))
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
