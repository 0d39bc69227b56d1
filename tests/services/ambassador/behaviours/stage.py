"""Where a case plays, and how it says what it needs of a plane."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conftest import SLOW
from tests.services.ambassador.lan import SERVERS, Lan, hello

__all__ = [
    "BEHAVIOURS",
    "LOCALHOST",
    "ONE",
    "PORT",
    "TWO",
    "Behaviour",
    "Stage",
    "behaviour",
    "name",
]

PORT = 6379
ONE, TWO = ((ip, PORT) for ip in SERVERS)
#: What a plane may not give: dialling loopback; IPv6 sockets that dial ``::1``; IPv6 targets; the
#: address that was dialled as the peer; names with addresses of their own, and former addresses of
#: the ambassador; a refusal before a connection is made; life without the agent; what is connected
#: outlives its link.
LOOPBACK, IPV6, TARGETS6, PEER, NAMES = "loopback", "ipv6", "targets6", "peer", "names"
AT_ONCE, OUTLIVES, KEPT = "at once", "outlives", "kept"
#: The same for datagrams: at all; an error for those that lead nowhere; a socket that has sent
#: follows its link.
UDP, UDP_REFUSED, UDP_MOVES = "udp", "udp refused", "udp moves"
#: All of loopback, as a link's address.
LOCALHOST = "127.0.0.0"


@dataclass(frozen=True)
class Behaviour:
    """A case: what it needs of a plane, and what it does."""

    name: str
    needs: frozenset[str]
    run: Callable[["Stage"], None]


BEHAVIOURS: list[Behaviour] = []


def behaviour(*needs):
    def keep(run):
        BEHAVIOURS.append(Behaviour(run.__name__, frozenset(needs), run))
        return run

    return keep


class Stage:
    """The namespaces, a plane, and what a client does.

    :param plane: ``link(node, address, port, targets, protocol)`` and ``unlink`` in the same form,
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
