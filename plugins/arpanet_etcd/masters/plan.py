"""What a master has to do next: decided from what its cluster and its data say, without any I/O.

The rules are etcd's own (``runtime-configuration.md`` and ``learning.md`` of its operation guide):
a member without its data must never run under its old number, and a joiner is a learner until it
has caught up, since a voter that never comes up costs a small cluster its quorum.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from arpanet import Member, RegistryError, hostport
from arpanet_etcd.masters.wal import Identity

__all__ = [
    "DROP_DATA",
    "Cluster",
    "Own",
    "Step",
    "find",
    "join",
    "leave",
    "quorum",
]

#: What throws a member's data away, for a person who knows that nobody needs it.
DROP_DATA = (
    "docker ps -aq --filter label=arpanet.part=etcd | xargs -r docker rm -f;"
    " docker volume rm -f arpanet_etcd_data"
)


@dataclass(frozen=True)
class Own:
    """This host as a master.

    :ivar name: its HOSTNAME, which is its member name.
    :ivar ip: its ARPANET_IP, which it listens on and advertises.
    :ivar tls: whether it serves TLS only, to those with a certificate of the cluster.
    :ivar mark: the file that remembers which cluster it is in.
    """

    name: str
    ip: str
    client_port: int
    peer_port: int
    tls: bool = False
    mark: Path = Path("cluster")

    @property
    def loopback(self) -> bool:
        """Whether nobody else can reach it, as on an arpanet of one host."""
        return self.ip.startswith("127.")

    @property
    def peer_url(self) -> str:
        """Where other masters reach it."""
        return self.url(self.ip, self.peer_port)

    @property
    def client_url(self) -> str:
        """Where everybody else reaches it."""
        return self.url(self.ip, self.client_port)

    @property
    def drop(self) -> str:
        """What makes it a host that was never a master, for a person to run."""
        return f"{DROP_DATA}; rm -f {shlex.quote(str(self.mark))}"

    def url(self, ip: str, port: int) -> str:
        """``https://ip:port``, an IPv6 address in brackets."""
        return f"http{'s' if self.tls else ''}://{hostport.joined(ip, port)}"


@dataclass(frozen=True)
class Cluster:
    """A living cluster, as one of its members tells it.

    :ivar id: hexadecimal, without leading zeros.
    """

    id: str
    members: tuple[Member, ...]

    def client_urls(self) -> tuple[str, ...]:
        """Where its members answer clients, voters first (a learner serves hardly anything)."""
        ordered = sorted(self.members, key=lambda m: m.learner)
        return tuple(one for member in ordered for one in member.client_urls)


@dataclass(frozen=True)
class Step:
    """The next thing to do to be a member.

    :ivar kind: ``start`` by the data; ``add`` a learner; ``replace`` the member *id*, whose data is
        gone or who never started, by a new learner; ``wipe`` data whose member was removed.
    """

    kind: Literal["start", "add", "replace", "wipe"]
    id: str = ""


def join(cluster: Cluster, own: Own, data: Identity | None) -> Step:
    """Return what this host has to do next to be a member of *cluster*.

    :param data: whose data the host holds.
    :raises RegistryError: its data belongs to another cluster; another member has its name.
    """
    if data:
        if data.cluster != cluster.id:
            raise RegistryError(
                f"this host's data belongs to cluster {data.cluster}, the peer to {cluster.id}",
                "give up what it holds with 'arpanet master stop --leave';"
                f" where that cluster is gone, or has no other master: {own.drop}",
            )
        known = any(member.id == data.member for member in cluster.members)
        return Step("start") if known else Step("wipe", data.member)
    for member in cluster.members:
        if own.peer_url in member.peer_urls:
            return Step("replace", member.id)
        if member.name == own.name:
            raise RegistryError(
                f"HOSTNAME {own.name} is taken by the master at {', '.join(member.peer_urls)}",
                "give each host a HOSTNAME of its own; if that master is gone for good:"
                f" arpanet master remove {member.name}",
            )
    return Step("add")


def find(cluster: Cluster, own: Own, data: Identity | None) -> Member | None:
    """Return this host's member of *cluster*: by its data, or where it has none by its address."""
    if data:
        return next((m for m in cluster.members if m.id == data.member), None)
    return next((m for m in cluster.members if own.peer_url in m.peer_urls), None)


def quorum(voters: int) -> int:
    """Return how many of *voters* must agree."""
    return voters // 2 + 1


def leave(members: Sequence[Member], own: Own, member: str, healthy: Iterable[str]) -> None:
    """Refuse where the others could not go on without this host's *member*.

    :param member: its id.
    :param healthy: the ids of the members that answer.
    :raises RegistryError: says who is missing.
    """
    others = [one for one in members if one.id != member and not one.learner]
    if not others:
        raise RegistryError(
            "this is the last master, and leaving would lose all that it holds",
            f"'arpanet master stop' keeps it; to lose it: {own.drop}",
        )
    alive = set(healthy)
    missing = [one.name or one.peer_urls[0] for one in others if one.id not in alive]
    if len(others) - len(missing) < quorum(len(others)):
        raise RegistryError(
            f"the other masters would have no majority: {', '.join(missing)} does not answer",
            "start them, or remove them with 'arpanet master remove', then try again",
        )
