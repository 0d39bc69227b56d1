"""What ``arpanet status`` says of masters: this host's container, and the cluster as a whole."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from arpanet import Context, EngineUnreachable, Member, RegistryError, Status
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError, Json
from arpanet_etcd.masters import health
from arpanet_etcd.masters.plan import quorum
from arpanet_etcd.registry.registry import make_registry
from arpanet_etcd.settings import endpoints

__all__ = ["Report", "Survey", "Surveyor", "cluster_line", "status", "survey"]

#: Seconds for one master to answer: the command is to answer within seconds also when none does.
TIMEOUT = 1.0
#: How a member's status says that an alarm is raised (etcd 3.4 and newer).
_ALARM = re.compile(r"memberID:(\d+) alarm:(\w+)")


@dataclass(frozen=True)
class Report:
    """What one member says of itself.

    :ivar leader: an id; ``""``: it has none.
    :ivar size: bytes of its store on disk, of which *in_use* are not free inside of it.
    :ivar index: the last entry of the masters' common log that it has.
    :ivar alarms: (member id, alarm) of all that are raised. To ask for them by a request of its
        own would have etcd write that into its log.
    """

    healthy: bool
    version: str = ""
    leader: str = ""
    size: int = 0
    in_use: int = 0
    index: int = 0
    alarms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Survey:
    """All members, and what each says.

    :ivar reports: member id -> its report.
    :ivar alarms: member id -> etcd's own, as ``NOSPACE`` and ``CORRUPT``.
    """

    members: Sequence[Member]
    reports: Mapping[str, Report]
    alarms: Mapping[str, Sequence[str]]

    def line(self) -> Status:
        """Return the line for the cluster."""
        raised = [one for several in self.alarms.values() for one in several]
        return cluster_line(self.members, self.reports, raised)


def status(context: Context) -> list[Status]:
    """Return a line for this host's etcd, if it is a master, and one for the cluster, if used."""
    lines = _container(context)
    if make_registry(context.settings):  # another registry has masters of its own
        lines.append(_cluster(context))
    return lines


def _container(context: Context) -> list[Status]:
    try:
        found = context.engine.own("etcd")
    except EngineUnreachable:
        return []  # whether this host is a master can't be told; others report that Docker is down
    lines = []
    for one in found:
        if one.state == "running":
            since = one.started.partition(".")[0].replace("T", " ")
            lines.append(Status("etcd", "ok", f"{one.name} runs {one.image} since {since} UTC"))
        else:
            detail = f"{one.name} is {one.state}; 'arpanet up' starts it, 'docker logs' says why"
            lines.append(Status("etcd", "down", detail))
    return lines


def _cluster(context: Context) -> Status:
    try:
        return survey(endpoints(context.settings)).line()
    except RegistryError as problem:
        return Status("masters", "down", str(problem))


def survey(places: Sequence[str]) -> Survey:
    """Ask all members at once.

    :param places: client URLs, of which one must answer.
    :raises RegistryUnreachable: none does.
    """
    with closing(Surveyor(places)) as one:
        return one.look()


class Surveyor:
    """Asks again and again, over the same connections and with the same tokens.

    Another token is a write in the masters' log, and another connection a handshake.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self._any = Gateway(places, timeout=TIMEOUT)
        self._members: dict[str, Gateway] = {}

    def look(self) -> Survey:
        """See :func:`survey`."""
        members = self._any.member_list()
        with ThreadPoolExecutor(max_workers=max(len(members), 1)) as pool:
            reports = list(pool.map(self._report, members))
        alarms: dict[str, list[str]] = {}
        for member, alarm in sorted({one for said in reports for one in said.alarms}):
            alarms.setdefault(member, []).append(alarm)
        return Survey(members, {m.id: r for m, r in zip(members, reports, strict=True)}, alarms)

    def close(self) -> None:
        """Let go of connections."""
        for one in (self._any, *self._members.values()):
            one.close()
        self._members.clear()

    def _report(self, member: Member) -> Report:
        for url in member.client_urls:
            gateway = self._members.setdefault(url, Gateway([url], timeout=TIMEOUT))
            try:
                said = gateway.status(url)
            except EtcdError as problem:
                if problem.code != wire.PERMISSION:
                    continue
                # from 3.5.28 on, etcd tells no slave more than whether it answers
                return Report(member.learner or health.serves(gateway))
            except RegistryError:
                continue
            leader = int(said.get("leader", 0))
            well = bool(leader) if member.learner else health.serves(gateway)
            return _told(said, well, leader)
        return Report(False)


def _told(said: Json, well: bool, leader: int) -> Report:
    size, in_use, index = (int(said.get(one, 0)) for one in ("dbSize", "dbSizeInUse", "raftIndex"))
    raised = tuple(_alarm(one) for one in _ALARM.findall(" ".join(said.get("errors", ()))))
    named = f"{leader:x}" if leader else ""
    return Report(well, said.get("version", ""), named, size, in_use, index, raised)


def _alarm(found: tuple[str, str]) -> tuple[str, str]:
    member, alarm = found
    return f"{int(member):x}", alarm


def cluster_line(
    members: Sequence[Member], reports: Mapping[str, Report], alarms: Sequence[str]
) -> Status:
    """Return the line for the cluster.

    :param reports: member id -> its report.
    :param alarms: etcd's own, as ``NOSPACE`` and ``CORRUPT``.
    """
    voters = [member for member in members if not member.learner]
    alive = [member for member in voters if reports[member.id].healthy]
    silent = sorted(m.name or m.peer_urls[0] for m in members if not reports[m.id].healthy)
    leaders = {reports[member.id].leader for member in alive} - {""}
    leader = ", ".join(member.name for member in voters if member.id in leaders)
    versions = sorted({reports[m.id].version for m in members} - {""})
    detail = f"{len(alive)} of {len(voters)} answer"
    if silent:
        detail += f", not {', '.join(silent)}"
    if leader:
        detail += f"; leader {leader}"
    if versions:
        detail += f"; etcd {' and '.join(versions)}"
    if len(alive) < quorum(len(voters)):
        return Status("masters", "down", f"{detail}; no majority: start the others")
    if "NOSPACE" in alarms:
        fix = (
            "a master's agent makes space by itself; where none runs, since there are no"
            " certificates: 'arpanet etcdctl defrag', then 'arpanet etcdctl alarm disarm'"
        )
        return Status("masters", "down", f"{detail}; etcd is full and takes no changes: {fix}")
    if alarms:
        return Status("masters", "degraded", f"{detail}; etcd reports {', '.join(sorted(alarms))}")
    learners = [m.name or m.peer_urls[0] for m in members if m.learner]
    if learners:
        finish = "'arpanet master start --peers boot' there finishes it"
        detail += f"; {', '.join(learners)} is joining: {finish}"
    return Status("masters", "degraded" if silent or learners else "ok", detail)
