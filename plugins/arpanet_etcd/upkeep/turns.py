"""Whether a master may have another etcd now, and whose turn is next. Pure.

etcd goes from one minor version to the next, one member at a time, while all others are well; it
may go back for as long as one member is of before (https://etcd.io/docs/v3.6/upgrades/).
"""

from arpanet_etcd.masters import flags
from arpanet_etcd.masters.flags import Version
from arpanet_etcd.masters.status import Survey

__all__ = ["hindrance", "left", "order", "unwell"]


def unwell(found: Survey) -> str:
    """Return what is not well with the masters, and may be a little later; ``""``: nothing."""
    names = {one.id: one.name or one.peer_urls[0] for one in found.members}
    if silent := sorted(names[m] for m in names if not found.reports[m].healthy):
        return f"{', '.join(silent)} does not answer"
    if joining := sorted(names[one.id] for one in found.members if one.learner):
        return f"{', '.join(joining)} is joining"
    if raised := sorted({one for several in found.alarms.values() for one in several}):
        return f"etcd reports {', '.join(raised)}"
    return ""


def hindrance(found: Survey, new: Version) -> str:
    """Return why a member may not run etcd *new* beside the others yet; ``""``: it may."""
    for one in found.members:
        runs = _version(found, one.id)
        if runs and runs < new:
            if reason := flags.upgrade(runs, new):
                return f"on {one.name}, {reason}"
            if flags.learner_fault(runs) and new >= (3, 6, 0):
                return f"{one.name} runs etcd {flags.dotted(runs)}: 3.5.20 or newer comes before it"
    return ""


def left(found: Survey, new: Version) -> list[str]:
    """Return the names of those that run an etcd older than *new*, the leader last."""
    older = {m.name for m in found.members if (v := _version(found, m.id)) and v < new}
    return [name for name in order(found) if name in older]


def order(found: Survey) -> list[str]:
    """Return the names of all in the order of their turns: the leader last, which moves once."""
    leaders = {said.leader for said in found.reports.values()}
    return [m.name for m in sorted(found.members, key=lambda m: (m.id in leaders, m.name))]


def _version(found: Survey, member: str) -> Version | None:
    try:
        return flags.version(f"etcd Version: {found.reports[member].version}")
    except ValueError:
        return None
