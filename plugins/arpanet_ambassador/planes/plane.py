"""What a plane is: one way to carry links.

A link leads to a pool, and a pool to targets: links of many clients that see a service alike share
one. So an instance that comes or goes changes a pool, however many clients there are; these, and
all that was made of them, are the very objects of before.

A plane is told what *all* of its clients are to hold, and makes it so: it touches what differs from
what it did last, takes away what is not told of any more, and goes on working when nobody tells it
anything. A client that Docker is about to start is among them before its first instruction: what
:meth:`Plane.apply` does for one client must take milliseconds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from arpanet import Target

__all__ = [
    "LOOPBACK",
    "NOWHERE",
    "RESOLVER",
    "Client",
    "Frontend",
    "Held",
    "Home",
    "Plane",
    "Pools",
    "Troubles",
    "frontend_of",
    "is_dialled",
]

#: Docker's own, in the namespace of each container.
RESOLVER = "127.0.0.11"
#: As a frontend's address: all of 127.0.0.0/8 but :data:`RESOLVER`, and ``::1``.
LOOPBACK = "localhost"
#: The pool of what is dialled by a name and leads nowhere: it never has a target. It is refused,
#: since what all of loopback leads to may be another service.
NOWHERE = "nowhere"

#: Name -> where new connections go now, in turn; nowhere, as where there is no such pool: they are
#: refused at once.
Pools = Mapping[str, tuple[Target, ...]]


class Home(NamedTuple):
    """A network namespace, by a container that lives in it.

    :ivar container: the id of that container; *started*, when Docker started it (its own stamp).
    :ivar pid: a process of the container, in the host's pid namespace.
    :ivar namespace: what the kernel calls it, as ``net:[4026532008]``; the kernel gives the name to
        another one when all of its processes have ended.
    :ivar shared: whether it is the host's own, where only a cgroup tells clients apart.
    :ivar sandbox: the runtime, where that has a network stack of its own (gVisor, Kata): nothing
        that the host's kernel does with sockets or packets of this namespace is seen by its apps.
    """

    container: str
    pid: int
    namespace: str = ""
    started: str = ""
    shared: bool = False
    sandbox: str = ""


class Frontend(NamedTuple):
    """What an app dials; a tuple, since thousands are looked up in dictionaries.

    :ivar address: an IPv4 address, or :data:`LOOPBACK`, which one single address of it goes before.
    :ivar protocol: ``tcp`` or ``udp``.
    """

    address: str
    port: int
    protocol: str = "tcp"

    @property
    def loopback(self) -> bool:
        """Whether it is dialled on the client's own loopback interface."""
        return self.address == LOOPBACK or self.named

    @property
    def named(self) -> bool:
        """Whether it is a single address of that interface, as names of links have."""
        return self.address.startswith("127.")


def frontend_of(
    address: tuple[str, int], frontends: Collection[Frontend], protocol: str = "tcp"
) -> Frontend | None:
    """Return which of *frontends* a connection to *address* is one to, the exact one first."""
    exact = Frontend(*address, protocol)
    if exact in frontends:
        return exact
    everywhere = Frontend(LOOPBACK, exact.port, protocol)
    on_loopback = exact.named and exact.address != RESOLVER
    return everywhere if on_loopback and everywhere in frontends else None


def is_dialled(address: tuple[str, int], frontends: Collection[Frontend]) -> bool:
    """Return whether a TCP connection to *address* is one to any of *frontends*."""
    return frontend_of(address, frontends) is not None


@dataclass(frozen=True)
class Held:
    """A link that waits for its first instance.

    :ivar wait: seconds that a connection is held while there is no target.
    :ivar pool: where it leads once there is one.
    """

    wait: float
    pool: str = NOWHERE


@dataclass(frozen=True)
class Client:
    """One network namespace and what its links come to.

    :ivar links: what is dialled -> the pool that it leads to.
    :ivar addresses: the namespace's own, by which a proxy tells who dials.
    :ivar held: where a plane that can hold connections listens for links that wait; these links'
        pools lead there, by whatever plane, while there is no other target.
    """

    home: Home
    links: Mapping[Frontend, str] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()
    held: Mapping[Frontend, Held] = field(default_factory=dict)


#: (``Home.namespace``, what is dialled there) -> why a plane does not carry that link.
Troubles = Mapping[tuple[str, Frontend], str]


class Plane(Protocol):
    """To be used from one thread. *clients* are by their ``Home.namespace``."""

    #: As ARPANET_PLANE and ``arpanet links`` call it.
    name: str
    #: Whether it can hold connections: it is given what *Client.held* has, too.
    holds: bool
    #: Whether it works within the clients' namespaces, which sandboxes make no use of.
    inside: bool

    @property
    def drift(self) -> int:
        """How often what somebody else had changed was put right."""

    def refuses(self, frontend: Frontend, targets: Sequence[Target]) -> str:
        """Return why this plane can't carry such a link, whoever the client is; ``""``: it can."""

    def apply(self, clients: Mapping[str, Client], pools: Pools, check: bool = False) -> Troubles:
        """Make each namespace hold its client's links and no others; return what is not carried.

        A link in trouble is given to the next plane, and to this one again in each later call: when
        an attempt is due again is the plane's own business (:meth:`due`).

        :param clients: all whose links this plane does not refuse. One that is not among them any
            more, and lives on, keeps nothing of this plane's. The same object as before, unless
            something in it differs.
        :param pools: all of this host, and where they lead now.
        :param check: compare with what the kernel holds, and repair it.
        """

    def due(self) -> float | None:
        """Return in how many seconds something is to be tried again, ``None``: nothing is."""

    def clear(self, homes: Collection[Home]) -> Mapping[str, str]:
        """Take away all that this plane ever made on this host; return container -> trouble.

        Called in a process of its own, when the agent is dead, and where the plane is not used any
        more. What is the host's trouble and no container's has the plane's name.

        :param homes: of all running containers.
        """

    def tidy(self, homes: Mapping[str, Home]) -> Mapping[str, str]:
        """Take away what an earlier process has left where this one carries nothing.

        Called once, after the first :meth:`apply`; returns container -> trouble.

        :param homes: of all running containers, by ``Home.namespace``.
        """

    def close(self) -> None:
        """Let go of what only this process uses; links go on."""
