"""Each master as a row of ``arpanet master status``. Pure."""

from datetime import UTC, datetime
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
    :ivar snapshot: when its host's agent took the last one by schedule; ``""``: another's did.
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
    snapshot: str


def rows(found: Survey, snapshot: tuple[float, str] | None = None) -> list[Row]:
    """Return a row for each member, by name.

    :param snapshot: when the last one was taken by schedule, seconds since the epoch, and where.
    """
    at, host = snapshot or (0.0, None)
    when = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    made = [
        _row(
            one,
            found.reports[one.id],
            " ".join(sorted(found.alarms.get(one.id, ()))),
            when if one.name == host else "",
        )
        for one in found.members
    ]
    return sorted(made, key=lambda row: (row.name, row.id))


def _row(member: Member, said: Report, alarms: str, snapshot: str) -> Row:
    address = " ".join(member.client_urls or member.peer_urls)
    told = bool(said.version)
    state = "ok" if said.healthy else "no majority" if told else "silent"
    role = "learner" if member.learner else ""
    if told and not role:
        role = "leader" if said.leader == member.id else "follower"
    size, in_use, index = (said.size, said.in_use, said.index) if told else (None, None, None)
    who = (member.name, member.id, address, role, state, said.version)
    return Row(*who, size, in_use, index, alarms, snapshot)
