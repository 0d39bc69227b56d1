"""What a master has to do next: decided from what its cluster and its data say, without any I/O.

The rules are etcd's own (``runtime-configuration.md`` and ``learning.md`` of its operation guide):
a member without its data must never run under its old number, and a joiner is a learner until it
has caught up, since a voter that never comes up costs a small cluster its quorum.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from arpanet import Formation, Member, RegistryError, SettingsError, hostport, kinds
from arpanet_etcd.masters.wal import Identity

__all__ = [
    "DROP_DATA",
    "Cluster",
    "Own",
    "Step",
    "begun_before",
    "find",
    "join",
    "leave",
    "meet",
    "name_taken",
    "quorum",
    "refuse_mixed",
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


#: More masters than this no cluster has, and no host dials.
MOST = 9


# -- by a discovery token: name -> peer URL of those who left word in it, the first first ----------


def refuse_mixed(listed: Mapping[str, str], own: Own) -> None:
    """Refuse a token that hosts have which speak to each other in another way.

    :raises RegistryError: names one.
    """
    way = urlsplit(own.peer_url).scheme
    for name, url in listed.items():
        if urlsplit(url).scheme != way:
            raise RegistryError(
                f"{name} came to this token with ARPANET_TLS={'off' if own.tls else 'on'}",
                "set it so on all hosts, or make a token for each kind",
            )


def name_taken(own: Own, url: str) -> RegistryError:
    """Return the error for a second host of one name."""
    return RegistryError(
        f"HOSTNAME {own.name} is taken in this token by the master at {url}",
        "give each host a HOSTNAME of its own, or make a new token",
    )


def begun_before(listed: Mapping[str, str], own: Own) -> RegistryError:
    """Return the error for a host that began by this token, and has lost what it had."""
    others = [urlsplit(url).netloc for name, url in listed.items() if name != own.name]
    return RegistryError(
        "this host was started with this token before, and has no data of it",
        f"join its cluster with --peers {others[0]}" if others else "make a new token",
    )


def meet(
    token: str, listed: Mapping[str, str], own: Own, let_in: bool, began: bool = False
) -> Formation:
    """Return what a token comes down to for a host with certificates, and without data.

    :param token: its id.
    :param let_in: this host has a certificate.
    :param began: this host was the first, and its member has been started.
    :raises RegistryError: another host has this one's name; its data is lost; the token holds what
        no master leaves there.
    :raises SettingsError: another host was first, and this one was not let in by it.
    """
    places = {name: _place(token, name, url) for name, url in listed.items()}
    refuse_mixed(listed, own)
    if listed.get(own.name, own.peer_url) != own.peer_url:
        raise name_taken(own, listed[own.name])
    if began:
        raise begun_before(listed, own)
    first = next(iter(places), own.name)
    if first == own.name:
        return Formation(boot=True)
    others = [place for name, place in places.items() if name != own.name][:MOST]
    if let_in:
        return Formation(peers=tuple(others))
    raise SettingsError(
        f"{first} at {others[0]} has taken this token, and this host is not let in there yet",
        "there: 'arpanet token create --role master' prints the line to run here; after that, run"
        " this command again",
    )


def _place(token: str, name: str, url: str) -> str:
    """Return ``ip:port`` of what a master left in a token; anybody may have written it."""
    found = re.fullmatch(r"https?://([^/]+)", url)
    with suppress(ValueError):
        host, port = hostport.split(found[1] if found else "")
        if kinds.host_name(name) and port:
            return hostport.joined(kinds.address(host), port)
    raise RegistryError(
        f"token {token} holds what no master leaves there: {name[:60]!r}, {url[:60]!r}",
        "make a new one, on an etcd that others can't write to",
    )
