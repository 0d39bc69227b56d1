"""Links by UDP."""

import socket
from contextlib import ExitStack

import pytest

from tests.services.ambassador.behaviours.stage import (
    IPV6,
    LOCALHOST,
    LOOPBACK,
    ONE,
    PORT,
    TWO,
    UDP,
    UDP_REFUSED,
    behaviour,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR


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
    _to_localhost(stage, "127.0.0.1", socket.AF_INET)


@behaviour(UDP, LOOPBACK, IPV6)
def datagrams_to_localhost_of_ipv6_reach_the_target(stage):
    _to_localhost(stage, "::1", socket.AF_INET6)


def _to_localhost(stage, address, family):
    stage.link(LOCALHOST, ONE, protocol="udp")
    with stage.datagrams(address, family) as connected:
        connected.send(b"x")
        said, source = connected.recvfrom(100)
        assert (name(said.decode()), source[:2]) == (ONE, (address, PORT))


@behaviour(UDP, UDP_REFUSED)
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
