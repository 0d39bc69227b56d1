"""A plan, and how the planes fared with it -> the links that ``arpanet links`` shows; pure."""

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
        note="; ".join(filter(None, (one.note, reasons if plane else ""))),
    )
