"""A plan, and how the planes fared with it -> the links that ``arpanet links`` shows; pure."""

import time

from arpanet import Link
from arpanet_ambassador.links.plan import Plan, Resolved
from arpanet_ambassador.planes.chain import Carried

__all__ = ["links"]


def links(plan: Plan, carried: Carried) -> tuple[Link, ...]:
    """Return every declared link with what carries it, by client, port and form."""
    return tuple(_link(one, carried) for one in plan.resolved)


def _link(one: Resolved, carried: Carried) -> Link:
    declared = one.declared
    keys = [(declared.namespace, frontend) for frontend in one.frontends]
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
        note="; ".join(filter(None, (_added(one), one.note, reasons if plane else ""))),
    )


def _added(one: Resolved) -> str:
    """Return that it was added to the running container, and until when."""
    added = one.declared.added
    if added and added.until:
        return f"added, until {time.strftime('%F %T UTC', time.gmtime(added.until))}"
    return "added" if added else ""
