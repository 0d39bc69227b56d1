"""What a link does, whatever carries it: the same cases for every plane.

Each case is a function that takes a :class:`Stage`: a client and another one, servers, and a plane
that links them. A plane runs those cases whose needs it gives; what it doesn't give is in its
adapter, and so told in one place.
"""

import errno
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.services.ambassador.lan import AMBASSADOR, SERVERS, SERVERS6, Lan, Node, echoes, hello

__all__ = ["BEHAVIOURS", "Behaviour", "Stage"]

PORT = 6379
ONE, TWO = ((ip, PORT) for ip in SERVERS)
#: What a plane may not give: dialling loopback, IPv6 sockets, IPv6 targets, UDP, the address that
#: was dialled as the peer, and names with addresses of their own.
LOOPBACK, IPV6, TARGETS6, UDP, PEER, NAMES = "loopback", "ipv6", "targets6", "udp", "peer", "names"
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
                made.settimeout(3)
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

    def refused(self, address, **more):
        """Fail unless a dial is refused, and at once."""
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            self.dial(address, **more).close()
        assert time.monotonic() - began < 0.5

    def datagrams(self, address=None, family=socket.AF_INET, port=PORT):
        """Return a UDP socket of the client's, connected to *address* if one is given."""

        def make():
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.settimeout(3)
            if address:
                made.connect((address, port))
            return made

        return self.client.do(make)


def name(said):
    ip, _, port = said.rpartition(":")
    return ip, int(port)


# -- addresses -------------------------------------------------------------------------------------


@behaviour()
def the_ambassadors_address_leads_to_the_target(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as connection:
        assert name(hello(connection)) == ONE
        assert echoes(connection)


@behaviour(PEER)
def the_app_sees_the_peer_that_it_dialled(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as connection:
        assert connection.getpeername() == (AMBASSADOR, PORT)


@behaviour(LOOPBACK)
def all_of_loopback_leads_to_the_target(stage):
    stage.link(LOCALHOST, ONE)
    for address in ("127.0.0.1", "127.0.0.7", "127.200.1.1"):
        with stage.dial(address) as connection:
            assert name(hello(connection)) == ONE
            assert connection.getpeername() == (address, PORT)


@behaviour(LOOPBACK, NAMES)
def names_with_addresses_of_their_own_may_have_one_port(stage):
    stage.serve("127.0.0.1", PORT, stage.client)
    stage.link("127.77.0.1", ONE)
    stage.link("127.77.0.2", TWO)
    assert stage.reached("127.77.0.1") == ONE
    assert stage.reached("127.77.0.2") == TWO
    assert stage.reached("127.0.0.1") == ("127.0.0.1", PORT)


@behaviour(LOOPBACK, IPV6)
def localhost_of_ipv6_leads_to_an_ipv4_target(stage):
    stage.link(LOCALHOST, ONE)
    with stage.dial("::1", family=socket.AF_INET6) as connection:
        assert name(hello(connection)) == ONE
        assert connection.getpeername()[:2] == ("::1", PORT)


@behaviour(LOOPBACK, IPV6)
def localhost_of_ipv6_leads_there_also_where_ipv6_is_off(stage):
    stage.link(LOCALHOST, ONE)
    stage.client.sh("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
    try:
        assert stage.reached("::1", family=socket.AF_INET6) == ONE
    finally:
        stage.client.sh("echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        stage.lan.address6(stage.client)


@behaviour(LOOPBACK)
def mapped_addresses_lead_to_the_target(stage):
    stage.link(LOCALHOST, ONE)
    stage.link(AMBASSADOR, TWO)
    for address, target in (("127.0.0.1", ONE), (AMBASSADOR, TWO)):
        with stage.dial(f"::ffff:{address}", family=socket.AF_INET6) as connection:
            assert name(hello(connection)) == target
            assert connection.getpeername()[:2] == (f"::ffff:{address}", PORT)


@behaviour(LOOPBACK, IPV6, TARGETS6)
def an_ipv6_socket_reaches_an_ipv6_target(stage):
    stage.link(LOCALHOST, (SERVERS6, PORT))
    with stage.dial("::1", family=socket.AF_INET6) as connection:
        assert name(hello(connection)) == (SERVERS6, PORT)
        assert connection.getpeername()[:2] == ("::1", PORT)


@behaviour()
def a_connect_that_does_not_block(stage):
    stage.link(AMBASSADOR, ONE)

    def connect():
        made = socket.socket()
        made.setblocking(False)
        return made, made.connect_ex((AMBASSADOR, PORT))

    made, code = stage.client.do(connect)
    with made:
        assert code == errno.EINPROGRESS
        assert select.select([], [made], [], 3)[1]
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        made.setblocking(True)
        assert name(hello(made)) == ONE


# -- targets ---------------------------------------------------------------------------------------


@behaviour()
def without_a_target_it_is_refused_at_once(stage):
    stage.link(AMBASSADOR)
    stage.refused(AMBASSADOR)


@behaviour()
def without_a_target_a_connect_that_does_not_block_is_refused(stage):
    stage.link(AMBASSADOR)

    def connect():
        with socket.socket() as made:
            made.setblocking(False)
            if (code := made.connect_ex((AMBASSADOR, PORT))) == errno.EINPROGRESS:
                assert select.select([], [made], [], 1)[1]
                code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return code

    assert stage.client.do(connect) == errno.ECONNREFUSED


@behaviour(LOOPBACK)
def without_a_target_localhost_is_refused_at_once(stage):
    stage.serve("127.0.0.1", PORT, stage.client)
    stage.link(LOCALHOST)
    stage.refused("127.0.0.1")
    stage.refused("::1", family=socket.AF_INET6)


@behaviour()
def targets_take_turns(stage):
    stage.link(AMBASSADOR, ONE, TWO)
    reached = [stage.reached(AMBASSADOR) for _ in range(6)]
    assert sorted(reached) == [ONE] * 3 + [TWO] * 3


@behaviour()
def targets_are_told_apart_by_port(stage):
    stage.link(AMBASSADOR, ONE, (ONE[0], PORT + 1))
    assert {stage.reached(AMBASSADOR)[1] for _ in range(4)} == {PORT, PORT + 1}


@behaviour()
def a_link_moves_and_what_is_connected_stays(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        hello(kept)
        stage.link(AMBASSADOR, TWO)
        assert stage.reached(AMBASSADOR) == TWO
        assert echoes(kept)
        stage.link(AMBASSADOR)
        stage.refused(AMBASSADOR)
        assert echoes(kept)


@behaviour(LOOPBACK)
def a_link_that_goes_leaves_what_is_connected(stage):
    stage.serve("127.0.0.1", PORT, stage.client)
    stage.link(LOCALHOST, ONE)
    with stage.dial("127.0.0.1") as kept:
        assert name(hello(kept)) == ONE
        stage.unlink(LOCALHOST)
        assert stage.reached("127.0.0.1") == ("127.0.0.1", PORT)
        assert echoes(kept)


# -- what is not a link's --------------------------------------------------------------------------


@behaviour(LOOPBACK)
def own_servers_on_loopback_are_left_alone(stage):
    stage.serve("127.0.0.1", PORT + 1, stage.client)
    stage.serve("::1", PORT + 1, stage.client)
    stage.link(LOCALHOST, ONE)
    assert stage.reached("127.0.0.1", port=PORT + 1) == ("127.0.0.1", PORT + 1)
    assert stage.reached("::1", port=PORT + 1, family=socket.AF_INET6) == ("::1", PORT + 1)


@behaviour(LOOPBACK)
def dockers_resolver_is_left_alone(stage):
    stage.serve("127.0.0.11", PORT, stage.client)
    stage.link(LOCALHOST, ONE)
    assert stage.reached("127.0.0.11") == ("127.0.0.11", PORT)
    assert stage.reached("::ffff:127.0.0.11", family=socket.AF_INET6) == ("127.0.0.11", PORT)


@behaviour()
def what_is_dialled_directly_is_left_alone(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(TWO[0]) as connection:
        assert name(hello(connection)) == TWO
        assert connection.getpeername() == TWO


@behaviour()
def namespaces_do_not_see_each_others_links(stage):
    stage.serve(AMBASSADOR, PORT, stage.lan.ambassador)
    stage.link(AMBASSADOR, ONE)
    assert stage.reached(AMBASSADOR, node=stage.other) != ONE
    stage.link(AMBASSADOR, TWO, node=stage.other)
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO
    assert stage.reached(AMBASSADOR) == ONE
    stage.unlink(AMBASSADOR)
    assert stage.reached(AMBASSADOR, node=stage.other) == TWO


@behaviour(LOOPBACK)
def whoever_shares_a_namespace_shares_its_links(stage):
    stage.link(LOCALHOST, ONE)
    script = f"exec 3<>/dev/tcp/127.0.0.1/{PORT}; head -n1 <&3"
    said = stage.client.sh(f"bash -c '{script}'")
    assert name(said.strip()) == ONE


@behaviour(LOOPBACK)
def a_new_namespace_has_no_links(stage):
    stage.link(LOCALHOST, ONE)
    with Node("fresh") as fresh:
        stage.lan.up(fresh)
        with pytest.raises(OSError, match=r"refused|unreachable"):
            stage.dial("127.0.0.1", node=fresh).close()


# -- datagrams -------------------------------------------------------------------------------------


@behaviour(UDP)
def datagrams_of_a_connected_socket_reach_the_target(stage):
    stage.link(AMBASSADOR, ONE, protocol="udp")
    with stage.datagrams(AMBASSADOR) as connected:
        connected.send(b"x")
        said, source = connected.recvfrom(100)
        assert (name(said.decode()), source) == (ONE, (AMBASSADOR, PORT))
        assert connected.getpeername() == (AMBASSADOR, PORT)


@behaviour(UDP)
def answers_to_datagrams_come_from_what_was_dialled(stage):
    stage.link(AMBASSADOR, ONE, TWO, protocol="udp")
    with stage.datagrams() as free:
        answers = set()
        for _ in range(4):
            free.sendto(b"x", (AMBASSADOR, PORT))
            answers.add(free.recvfrom(100))
        # one place for all that one socket sends
        assert [source for _, source in answers] == [(AMBASSADOR, PORT)]


@behaviour(UDP)
def datagrams_of_many_sockets_reach_all_targets(stage):
    stage.link(AMBASSADOR, ONE, TWO, protocol="udp")
    reached = set()
    with ExitStack() as sockets:
        for _ in range(20):
            free = sockets.enter_context(stage.datagrams())
            free.sendto(b"x", (AMBASSADOR, PORT))
            reached.add(name(free.recv(100).decode()))
    assert reached == {ONE, TWO}


@behaviour(UDP)
def one_socket_uses_several_links(stage):
    stage.link(AMBASSADOR, ONE, protocol="udp")
    stage.link(AMBASSADOR, TWO, port=PORT + 1, protocol="udp")
    with stage.datagrams() as free:
        for port, target in ((PORT, ONE), (PORT + 1, TWO)) * 2:
            free.sendto(b"x", (AMBASSADOR, port))
            said, source = free.recvfrom(100)
            assert (name(said.decode()), source) == (target, (AMBASSADOR, port))


@behaviour(UDP)
def datagrams_follow_a_link_that_moves(stage):
    stage.link(AMBASSADOR, ONE, protocol="udp")
    with stage.datagrams() as free:
        for target in (ONE, TWO):
            stage.link(AMBASSADOR, target, protocol="udp")
            free.sendto(b"x", (AMBASSADOR, PORT))
            said, source = free.recvfrom(100)
            assert (name(said.decode()), source) == (target, (AMBASSADOR, PORT))


@behaviour(UDP, LOOPBACK)
def datagrams_to_localhost_reach_the_target(stage):
    stage.link(LOCALHOST, ONE, protocol="udp")
    for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with stage.datagrams(address, family) as connected:
            connected.send(b"x")
            said, source = connected.recvfrom(100)
            assert (name(said.decode()), source[:2]) == (ONE, (address, PORT))


@behaviour(UDP)
def without_a_target_datagrams_are_refused(stage):
    stage.link(AMBASSADOR, protocol="udp")
    with stage.datagrams() as free, pytest.raises(ConnectionRefusedError):
        free.sendto(b"x", (AMBASSADOR, PORT))


@behaviour(UDP)
def tcp_and_udp_are_links_of_their_own(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, TWO, protocol="udp")
    assert stage.reached(AMBASSADOR) == ONE
    with stage.datagrams() as free:
        free.sendto(b"x", (AMBASSADOR, PORT))
        assert name(free.recv(100).decode()) == TWO


# -- the agent -------------------------------------------------------------------------------------


@behaviour()
def without_the_agent_everything_goes_on(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as kept:
        hello(kept)
        stage.plane.die()
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == ONE
        stage.plane.revive()
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == ONE
        stage.link(AMBASSADOR, TWO)
        assert echoes(kept)
        assert stage.reached(AMBASSADOR) == TWO


@behaviour(LOOPBACK)
def a_stop_takes_out_everything_but_what_is_connected(stage):
    stage.link(LOCALHOST, ONE)
    with stage.dial("127.0.0.1") as kept:
        hello(kept)
        stage.plane.stop()
        stage.refused("127.0.0.1")
        assert echoes(kept)
