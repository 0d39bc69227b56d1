"""What is dialled, and by which sockets."""

import errno
import select
import socket
import struct

from tests.services.ambassador.behaviours.stage import (
    CROSS,
    FORMER,
    IPV6,
    LOCALHOST,
    LOOPBACK,
    ONCE,
    ONE,
    PORT,
    TARGETS6,
    TWO,
    behaviour,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR, SERVERS6, echoes, hello

#: linux/tcp.h
TCP_FASTOPEN_CONNECT = 30


@behaviour()
def what_a_variable_declares_is_dialled_at_the_ambassador(stage):
    stage.declare(env={"BACKEND_6379": "redis"}, redis=ONE)
    assert stage.reached(AMBASSADOR) == ONE


@behaviour(LOOPBACK)
def what_labels_declare_is_dialled_at_localhost_and_by_names(stage):
    labels = {"connect.6379": "redis", "connect.queue:6379": "jobs"}
    names = stage.declare(labels=labels, redis=ONE, jobs=TWO)
    assert stage.reached("127.0.0.1") == ONE
    assert stage.reached(names["redis"]) == ONE
    assert stage.reached(names["queue"]) == TWO


@behaviour(LOOPBACK)
def both_forms_may_be_declared_by_one_client(stage):
    stage.declare({"BACKEND_6379": "redis"}, {"connect.6379": "jobs"}, redis=ONE, jobs=TWO)
    assert (stage.reached(AMBASSADOR), stage.reached("127.0.0.1")) == (ONE, TWO)


@behaviour()
def the_ambassadors_address_leads_to_the_target(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as connection:
        assert name(hello(connection)) == ONE
        assert echoes(connection)


@behaviour()
def the_app_sees_the_peer_that_it_dialled(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as connection:
        assert connection.getpeername() == (AMBASSADOR, PORT)


@behaviour(FORMER)
def ways_to_one_target_are_told_apart(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(ONCE, ONE)
    for _ in range(2):
        for address in (AMBASSADOR, ONCE, ONE[0]):
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


@behaviour(LOOPBACK)
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
def localhosts_mapped_address_leads_to_the_target(stage):
    stage.link(LOCALHOST, ONE)
    _mapped(stage, "127.0.0.1")


@behaviour()
def the_ambassadors_mapped_address_leads_to_the_target(stage):
    stage.link(AMBASSADOR, ONE)
    _mapped(stage, AMBASSADOR)


def _mapped(stage, address):
    with stage.dial(f"::ffff:{address}", family=socket.AF_INET6) as connection:
        assert name(hello(connection)) == ONE
        assert connection.getpeername()[:2] == (f"::ffff:{address}", PORT)


@behaviour(LOOPBACK, IPV6, TARGETS6)
def an_ipv6_socket_reaches_an_ipv6_target(stage):
    stage.link(LOCALHOST, (SERVERS6, PORT))
    with stage.dial("::1", family=socket.AF_INET6) as connection:
        assert name(hello(connection)) == (SERVERS6, PORT)
        assert connection.getpeername()[:2] == ("::1", PORT)


@behaviour(CROSS)
def an_ipv4_socket_reaches_an_ipv6_target(stage):
    stage.link(AMBASSADOR, (SERVERS6, PORT))
    assert stage.reached(AMBASSADOR) == (SERVERS6, PORT)


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


@behaviour()
def multipath_tcp_reaches_the_target(stage):
    stage.link(AMBASSADOR, ONE)
    try:
        made = stage.client.do(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_MPTCP)
        )
    except OSError as problem:  # a kernel without it: then no app uses it either
        assert problem.errno in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT)
        return
    with made:
        made.settimeout(30)
        made.connect((AMBASSADOR, PORT))
        assert name(hello(made)) == ONE
        assert echoes(made)
        # former kernels tell of the first of its subflows
        assert made.getpeername() in ((AMBASSADOR, PORT), ONE)


@behaviour()
def fast_open_reaches_the_target(stage):
    """Data with the first segment: by a send that connects, or sent on what is connected later.

    Without a cookie of the server's the kernel dials as ever, and sends then.
    """
    stage.link(AMBASSADOR, ONE)

    def sends(made):
        made.sendto(b"x", socket.MSG_FASTOPEN, (AMBASSADOR, PORT))

    def connects(made):
        made.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        made.connect((AMBASSADOR, PORT))
        made.sendall(b"x")

    for begin in (sends, connects):
        with stage.client.do(socket.socket) as made:  # one that blocks: else it is under way
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 30, 0))
            begin(made)
            assert name(hello(made)) == ONE
            assert made.recv(1) == b"x"
            assert made.getpeername() == (AMBASSADOR, PORT)
