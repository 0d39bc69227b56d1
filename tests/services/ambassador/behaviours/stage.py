"""Where a case plays, and how it says what it needs of a plane."""

import socket
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from arpanet_ambassador.links.ground import World
from arpanet_ambassador.links.plan import make
from arpanet_ambassador.planes.plane import LOOPBACK as LOOPBACK_ADDRESS

from tests.conftest import SLOW
from tests.services.ambassador.lan import AMBASSADOR, CLIENT, SERVERS, WEB, Lan, Node, hello
from tests.unit.ambassador.records import by_id, container, instance

__all__ = [
    "BEHAVIOURS",
    "LACKS",
    "LOCALHOST",
    "ONE",
    "PORT",
    "TWO",
    "Behaviour",
    "Lack",
    "Stage",
    "behaviour",
    "lack",
    "name",
]

PORT = 6379
ONE, TWO = ((ip, PORT) for ip in SERVERS)
#: What a plane may not give, in the words of the page that says so.
LOOPBACK = "`localhost`, and names that labels give"
IPV6 = "`::1`"
TARGETS6 = "IPv6 instances, dialled at `::1`"
CROSS = "IPv6 instances, dialled at an IPv4 address"
FORMER = "addresses that `arpanet_backends` once had"
AT_ONCE = "without an instance: a refusal before there is a connection"
OUTLIVES = "life without the agent"
KEPT = "a link that is taken away leaves what is connected"
UDP = "UDP"
UDP_REFUSED = "a datagram that leads nowhere: `ECONNREFUSED`"
#: An address that the ambassador once had.
ONCE = "10.99.0.250"
#: All of loopback, as a link's address.
LOCALHOST = "127.0.0.0"


@dataclass(frozen=True)
class Behaviour:
    """A case: what it needs of a plane, and what it does."""

    name: str
    needs: frozenset[str]
    run: Callable[["Stage"], None]


@dataclass(frozen=True)
class Lack:
    """What planes do not give: what happens *instead*, and a case that shows it.

    :ivar planes: their names, as the table has them.
    """

    need: str
    planes: tuple[str, ...]
    instead: str
    run: Callable[["Stage"], None]


BEHAVIOURS: list[Behaviour] = []
LACKS: list[Lack] = []


def behaviour(*needs):
    def keep(run):
        BEHAVIOURS.append(Behaviour(run.__name__, frozenset(needs), run))
        return run

    return keep


def lack(need, *planes, instead):
    def keep(run):
        LACKS.append(Lack(need, planes, instead, run))
        return run

    return keep


class Stage:
    """The namespaces, a plane, and what a client does.

    :param plane: ``link(node, address, port, targets, protocol)`` and ``unlink`` in the same form,
        ``refuses`` in the same form: why it can't carry that; ``ended(node)``: a client is gone;
        ``die()``: its process is gone, without a goodbye; ``revive()``: a new one takes over;
        ``stop()``: everything is taken out.
    """

    def __init__(self, lan: Lan, plane) -> None:
        self.lan, self.plane = lan, plane
        self.client, self.other = lan.client, lan.other
        self._listeners: list[socket.socket] = []

    def serve(self, ip, port, node):
        """Have a server until the end of this case."""
        self._listeners.append(self.lan.serve(ip, port, node))

    def end(self):
        """End what was made for this case."""
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def link(self, address, *targets, node=None, port=PORT, protocol="tcp"):
        self.plane.link(node or self.client, address, port, targets, protocol)

    def unlink(self, address, node=None, port=PORT, protocol="tcp"):
        self.plane.unlink(node or self.client, address, port, protocol)

    def declare(self, env=(), labels=(), **services):
        """Link what a client declares, on a host whose registry has *services*: name -> (ip, port).

        Return name -> the address that it has for the client.
        """
        holder = container("holder", ip=AMBASSADOR)
        client = container("client", ip=CLIENT, env=env, labels=labels)
        known = {name: (instance(name, *one),) for name, one in services.items()}
        every = by_id(holder, client)
        plan = make(World(containers=every, ambassador="holder", services=known, host="here"))
        (client,) = plan.clients.values()
        for (address, port, protocol), pool in client.links.items():
            dialled = LOCALHOST if address == LOOPBACK_ADDRESS else address
            places = [(one.ip, one.port) for one in plan.pools.get(pool, ())]
            self.link(dialled, *places, port=port, protocol=protocol)
        return plan.names["id-client"]

    @contextmanager
    def born(self):
        """Have one more client, which has the name and address of the one that was here before."""
        with Node("web") as node:
            self.lan.join(node, WEB)
            try:
                yield node
            finally:
                self.plane.ended(node)
                self.lan.leave(node)

    def not_carried(self, address, *targets, protocol="tcp"):
        """Return why the plane leaves such a link to others; fail if it doesn't."""
        why = self.plane.refuses(address, PORT, targets, protocol)
        assert why
        return why

    def dial(self, address, port=PORT, node=None, family=socket.AF_INET):
        """Return a connection that the client made."""

        def connect():
            made = socket.socket(family, socket.SOCK_STREAM)
            try:
                made.settimeout(30)
                made.connect((address, port))
            except BaseException:
                made.close()
                raise
            return made

        return (node or self.client).do(connect)

    def reached(self, address, **more):
        """Return which server answers, as (ip, port)."""
        with self.dial(address, **more) as connection:
            return name(hello(connection))

    def nowhere(self, address, **more):
        """Tell whether a dial reaches nobody, refused at once or not."""
        try:
            self.reached(address, **more)
        except (ConnectionError, AssertionError):
            return True
        return False

    def refused(self, address, **more):
        """Fail unless a dial is refused, and at once."""
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            self.dial(address, **more).close()
        assert time.monotonic() - began < 0.5 * SLOW  # nobody was waited for

    def datagrams(self, address=None, family=socket.AF_INET, port=PORT):
        """Return a UDP socket of the client's, connected to *address* if one is given."""

        def make():
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.settimeout(30)
            if address:
                made.connect((address, port))
            return made

        return self.client.do(make)


def name(said):
    ip, _, port = said.rpartition(":")
    return ip, int(port)
