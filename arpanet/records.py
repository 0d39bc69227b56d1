"""The vocabulary: what the parts of arpanet tell each other.

All records are frozen and compare by value, so "did anything change?" is ``==``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress, filterfalse
from operator import is_, is_not

from arpanet import hostport

__all__ = [
    "Admission",
    "Container",
    "Difference",
    "Formation",
    "Host",
    "Instance",
    "Link",
    "Member",
    "Port",
    "Refusal",
    "Snapshot",
    "Status",
    "Target",
]

#: The health of a container that was told to end, and of its instances.
STOPPING = "stopping"


@dataclass(frozen=True, order=True)
class Port:
    """A port of a container, and where Docker publishes it.

    :ivar number: the port inside the container.
    :ivar protocol: ``tcp`` or ``udp``.
    :ivar host_ip: the host address Docker bound, ``""`` when the port is only exposed.
    :ivar host_port: the port on the host, 0 when the port is only exposed.
    """

    number: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0


@dataclass(frozen=True)
class Container:
    """A running container, as Docker's inspect tells it.

    :ivar id: the full 64-digit id.
    :ivar name: without Docker's leading slash.
    :ivar pid: of its first process, in the host's pid namespace.
    :ivar started: Docker's own start time stamp (RFC 3339); differs after each restart.
    :ivar network_mode: ``bridge``, ``host``, ``none``, ``container:<id>`` or a network's name.
    :ivar networks: network name -> the container's address in it (``""`` when it has none).
    :ivar links: declared with ``--link``, as (container name, alias) pairs.
    :ivar health: ``healthy``, ``unhealthy``, ``starting``, or ``""`` without a health check;
        whatever its check says, ``unhealthy`` while it is paused, and ``stopping`` from its stop
        signal on.
    :ivar stop_signal: the number of the signal that tells it to end.
    :ivar stop_timeout: seconds that Docker then gives it, unless ``docker stop`` says otherwise.
    :ivar runtime: what runs it, as Docker calls that: ``runc``, ``runsc``; ``""``: its default.
    """

    id: str
    name: str
    image: str
    pid: int
    started: str
    network_mode: str = "bridge"
    networks: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold secrets
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    health: str = ""
    stop_signal: int = 15
    stop_timeout: float = 10.0
    runtime: str = ""


@dataclass(frozen=True)
class Host:
    """A host in the registry.

    :ivar engine: the id of its Docker engine: tells two hosts with one name apart.
    :ivar started: when its session began, seconds since the epoch.
    :ivar listed: another, greater number each time the host has said that what the registry lists
        of it is all that it has; 0: it has not said so yet. The registry's business: not compared.
    """

    name: str
    address: str
    engine: str = ""
    roles: tuple[str, ...] = ()
    version: str = ""
    started: float = 0.0
    listed: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """One place where a service can be reached. Large clusters have many of them in memory: slots.

    :ivar id: ``host:container:port[:udp]``, registrator's form; unique in the cluster.
    :ivar services: every service name that this instance answers to, the proper one first.
    :ivar ip: the address that other hosts dial; ``""``: only clients on its own host reach it.
    :ivar port: the port that other hosts dial; the container's own port where there is no *ip*.
    :ivar container: the id of the container.
    :ivar local: docker network name -> ``ip:port`` for clients on the same host that share it.
    :ivar started: when its container started, seconds since the epoch; 0: nobody said.
    :ivar health: as its container's; ``stopping``: no new connections, those that are go on.
    :ivar unconfirmed: its entry vanished, and it stays for as long as it answers. Known to readers
        alone, never written.
    """

    id: str
    services: tuple[str, ...]
    host: str
    ip: str
    port: int
    protocol: str = "tcp"
    container: str = ""
    tags: tuple[str, ...] = ()
    attrs: Mapping[str, str] = field(default_factory=dict)
    health: str = ""
    local: Mapping[str, str] = field(default_factory=dict)
    started: float = 0.0
    unconfirmed: bool = False

    @property
    def address(self) -> str:
        """``ip:port``, an IPv6 address in brackets, as registrator writes it (JoinHostPort).

        ``""`` when other hosts can't reach it.
        """
        if not self.ip:
            return ""
        return hostport.joined(self.ip, self.port)

    @property
    def stopping(self) -> bool:
        """Whether its container was told to end: no new connection goes to it."""
        return self.health == STOPPING


@dataclass(frozen=True)
class Refusal:
    """An instance that is in the registry and must not be used, or not by all of its names.

    :ivar instance: as its host wrote it, with the names that are refused.
    :ivar why: half a sentence.
    """

    instance: Instance
    why: str


@dataclass(frozen=True)
class Difference:
    """What differs between two snapshots, by name: what came, went or changed.

    :ivar instances: ids.
    :ivar services: names of those whose instances differ.
    :ivar hosts: names.
    """

    instances: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Snapshot:
    """All that the registry holds at one moment.

    :ivar index: what :meth:`services` returns, where whoever made the snapshot has it at hand.
    :ivar refused: what is not among *instances*, or not by these names, since its host may not have
        it: for people to see, and for nobody to dial.
    """

    instances: Mapping[str, Instance] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    index: Mapping[str, tuple[Instance, ...]] | None = field(
        default=None, compare=False, repr=False
    )
    refused: tuple[Refusal, ...] = ()

    def services(self) -> Mapping[str, tuple[Instance, ...]]:
        """Service name -> its instances, in the order of their ids; not to be changed."""
        if self.index is None:
            found: dict[str, list[Instance]] = {}
            for key in sorted(self.instances):
                for name in self.instances[key].services:
                    found.setdefault(name, []).append(self.instances[key])
            made = {name: tuple(found[name]) for name in sorted(found)}
            object.__setattr__(self, "index", made)
        return self.index or {}

    def moved(self, before: "Snapshot") -> frozenset[str]:
        """Return the services whose instances differ from those of *before*.

        Cheap where both share what they say of most services, however many instances these have.
        """
        after, old = self.services(), before.services()
        others = compress(after, map(is_not, after.values(), map(old.get, after)))
        found = {name for name in others if after[name] != old.get(name)}
        return frozenset(found.union(filterfalse(after.__contains__, old)))

    def diff(self, before: "Snapshot") -> Difference:
        """Return what differs from *before*; cheap where both share most of their records."""
        ids = _differing(self.instances, before.instances)
        names = {
            name
            for one in ids
            for snapshot in (self, before)
            if one in snapshot.instances
            for name in snapshot.instances[one].services
        }
        hosts = _differing(self.hosts, before.hosts)
        return Difference(ids, frozenset(names), hosts)


def _differing(after: Mapping[str, object], before: Mapping[str, object]) -> frozenset[str]:
    # nearly all are the very ones of before: these are passed over without a step of Python's
    aligned = len(after) == len(before) and all(map(is_, after, before))
    old = before.values() if aligned else map(before.get, after)
    others = compress(after, map(is_not, after.values(), old))
    found = {key for key in others if before.get(key) != after[key]}
    came = sum(key not in before for key in found)
    if len(after) - came < len(before):  # something went: most changes need not look
        found.update(filterfalse(after.__contains__, before))
    return frozenset(found)


@dataclass(frozen=True, order=True, slots=True)
class Target:
    """An address that a link dials now, and the instance it belongs to (``""``: a fixed one)."""

    ip: str
    port: int
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """(client container, destination port) -> a backend spec, and what became of it.

    :ivar client: name of the container that declared it.
    :ivar port: the port that the client dials.
    :ivar spec: the declared value, word for word.
    :ivar dials: what the client's app dials: ``redis:6379`` or ``localhost:6379``.
    :ivar targets: where new connections go now.
    :ivar plane: ``socket``, ``nftables``, ``proxy``, or ``""`` when nothing carries it.
    :ivar error: one sentence, ``""`` when all is well.
    :ivar note: what is unusual and works all the same: a plane that is not the best, an instance
        that the registry does not confirm.
    :ivar made: how many connections were made over it, some seconds ago; ``None``: its plane does
        not count. Not compared, nor are the two that follow.
    :ivar refused: how many were refused since there was no target.
    :ivar last: when the last one was, in seconds since the epoch; 0: there was none.
    """

    client: str
    port: int
    spec: str
    dials: str
    targets: tuple[Target, ...] = ()
    plane: str = ""
    error: str = ""
    note: str = ""
    made: int | None = field(default=None, compare=False)
    refused: int | None = field(default=None, compare=False)
    last: float = field(default=0.0, compare=False)


@dataclass(frozen=True, order=True)
class Member:
    """A master, as its cluster knows it.

    :ivar peer_urls: where other masters reach it.
    :ivar client_urls: where everybody else reaches it; empty until it has been up once.
    :ivar learner: it is catching up and does not vote yet.
    """

    name: str
    id: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    learner: bool = False


@dataclass(frozen=True)
class Formation:
    """How a master finds its cluster: one of boot, peers and token; none: by its own data.

    A token beside one of the others is what they were found by.
    """

    boot: bool = False
    peers: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class Admission:
    """A host that was let into the cluster.

    :ivar host: its HOSTNAME.
    :ivar role: ``master`` or ``slave``: what it may do, whatever it does.
    :ivar addresses: those that its instances may have: addresses, or networks as ``10.1.0.0/16``.
    :ivar password: what it says to the registry's own authentication.
    """

    host: str
    role: str
    addresses: tuple[str, ...] = ()
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Status:
    """One line of ``arpanet status``.

    :ivar part: what the line speaks of (``etcd``, ``registrator``, ``nftables plane``).
    :ivar state: one word: ``ok``, ``degraded``, ``down`` or ``absent``.
    :ivar detail: one sentence with figures, and what to do where the state is not ``ok``.
    """

    part: str
    state: str
    detail: str = ""
