"""What is dialled, and by which sockets."""

import errno
import select
import socket

from tests.services.ambassador.behaviours.stage import (
    IPV6,
    LOCALHOST,
    LOOPBACK,
    NAMES,
    ONE,
    PEER,
    PORT,
    TARGETS6,
    TWO,
    behaviour,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR, SERVERS6, echoes, hello

#: An address that the ambassador once had.
FORMER = "10.99.0.250"


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


@behaviour(PEER, NAMES)
def ways_to_one_target_are_told_apart(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(FORMER, ONE)
    for _ in range(2):
        for address in (AMBASSADOR, FORMER, ONE[0]):
            with stage.dial(address) as connection:
                assert name(hello(connection)) == ONE
                assert connection.getpeername() == (address, PORT)


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
        assert select.select([], [made], [], 30)[1]
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        made.setblocking(True)
        assert name(hello(made)) == ONE
