"""What is to be done for the masters' stores next: decided from a look at all of them. Pure.

etcd's own ``--auto-compaction`` forgets history each hour; what that frees stays in the file of the
store until it is defragmented, and a member serves nobody meanwhile: so one at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from arpanet import Member
from arpanet_etcd.masters.status import Survey

__all__ = ["QUOTA", "Deed", "due"]

#: etcd's own limit for a store, which arpanet's masters run with (``--quota-backend-bytes``).
QUOTA = 2 * 1024**3
#: There is space again below this part of it.
ROOM = 0.9
#: A store is worth the trouble when so many bytes of it are free, and that is half of it.
LEAST = 16 * 1024**2


@dataclass(frozen=True)
class Deed:
    """One step.

    :ivar kind: ``defragment`` one member's store, with history forgotten first where etcd is full
        (``make room``); ``disarm`` the alarm; ``wait``, since of what is in use there is too much.
    """

    kind: Literal["defragment", "make room", "disarm", "wait"]
    member: Member | None = None


def due(found: Survey, tried: Iterable[str], quota: int = QUOTA) -> Deed | None:
    """Return what is next; ``None``: nothing, or a member is not well, and etcd not full.

    :param tried: the ids of the members whose store was made as small as it gets just now.
    """
    reports = found.reports
    well = [m for m in found.members if reports[m.id].healthy and reports[m.id].version]
    full = {one for one, raised in found.alarms.items() if "NOSPACE" in raised}
    # nothing can be written while it is full, so those that answer need not wait for the others
    if len(well) < len(found.members) and not full:
        return None
    large = [m for m in well if reports[m.id].size >= ROOM * quota]
    if full:
        todo = _leader_last(found, [one for one in large if one.id not in set(tried)])
        if todo:
            return Deed("make room", todo[0])
        return Deed("wait") if large else Deed("disarm")
    loose = [m for m in found.members if _loose(found, m.id) and m.id not in set(tried)]
    todo = _leader_last(found, loose)
    return Deed("defragment", todo[0]) if todo else None


def _loose(found: Survey, member: str) -> bool:
    said = found.reports[member]
    return said.size - said.in_use >= max(LEAST, said.size / 2)


def _leader_last(found: Survey, members: list[Member]) -> list[Member]:
    leaders = {said.leader for said in found.reports.values()}
    return sorted(members, key=lambda one: (one.id in leaders, one.name))
