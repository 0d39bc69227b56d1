"""Each master as a row of ``arpanet master status``. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from arpanet import Member
from arpanet_etcd.masters.status import Report, Survey

__all__ = ["Row", "rows"]


class Row(NamedTuple):
    """One master.

    :ivar role: ``leader``, ``follower`` or ``learner``; ``""``: it does not say.
    :ivar state: ``ok``; ``no majority``: it answers, and can't serve; ``silent``.
    :ivar size: bytes of its store on disk, of which *in_use* are not free inside of it.
    :ivar log_index: the last entry of the masters' common log that it has: who lags behind.
    """

    name: str
    id: str
    address: str
    role: str
    state: str
    version: str
    size: int | None
    in_use: int | None
    log_index: int | None
    alarms: str


def rows(found: Survey) -> list[Row]:
    """Return a row for each member, by name."""
    made = [_row(one, found.reports[one.id], found.alarms.get(one.id, ())) for one in found.members]
    return sorted(made, key=lambda row: (row.name, row.id))


def _row(member: Member, said: Report, alarms: Sequence[str]) -> Row:
    address = " ".join(member.client_urls or member.peer_urls)
    told = bool(said.version)
    state = "ok" if said.healthy else "no majority" if told else "silent"
    role = "learner" if member.learner else ""
    if told and not role:
        role = "leader" if said.leader == member.id else "follower"
    size, in_use, index = (said.size, said.in_use, said.index) if told else (None, None, None)
    raised = " ".join(sorted(alarms))
    who = (member.name, member.id, address, role, state, said.version)
    return Row(*who, size, in_use, index, raised)
