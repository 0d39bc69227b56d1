"""What happens where a plane lacks something: each is a row of the page that explains planes."""

import socket

import pytest

from tests.services.ambassador.behaviours.stage import (
    AT_ONCE,
    CROSS,
    FORMER,
    IPV6,
    KEPT,
    LOCALHOST,
    LOOPBACK,
    ONCE,
    ONE,
    OUTLIVES,
    PORT,
    TARGETS6,
    TWO,
    UDP,
    UDP_REFUSED,
    lack,
    name,
)
from tests.services.ambassador.lan import AMBASSADOR, SERVERS6, echoes, hello


@lack(LOOPBACK, "proxy", instead="not carried, says `arpanet links`; nothing answers there")
def localhost_is_left_alone(stage):
    assert "cannot serve localhost" in stage.not_carried(LOCALHOST, ONE)
    assert "cannot serve localhost" in stage.not_carried("127.77.0.1", ONE)
    stage.refused("127.0.0.1")
    stage.serve("127.0.0.1", PORT, stage.client)
    assert stage.reached("127.0.0.1") == ("127.0.0.1", PORT)


@lack(IPV6, "nftables", instead="refused at once; most apps then dial 127.0.0.1, which is carried")
def localhost_of_ipv6_is_refused(stage):
    stage.link(LOCALHOST, ONE)
    stage.refused("::1", family=socket.AF_INET6)
    made = stage.client.do(lambda: socket.create_connection(("localhost", PORT), 30))
    with made:
        assert name(hello(made)) == ONE


@lack(TARGETS6, "nftables", instead="the socket plane's; without it not carried, says the link")
def ipv6_targets_of_localhost_are_left_to_others(stage):
    assert "carries IPv4 only" in stage.not_carried(LOCALHOST, (SERVERS6, PORT))


@lack(
    CROSS,
    "socket",
    "socket-compiled-anew",
    "socket-old-kernel",
    "nftables",
    instead="the proxy's, by TCP at `arpanet_backends`; else not carried, says the link",
)
def ipv6_targets_are_left_to_the_proxy(stage):
    assert "its addresses are IPv6" in stage.not_carried(AMBASSADOR, (SERVERS6, PORT))


@lack(FORMER, "proxy", instead="nobody is there: apps have to look the name up again")
def former_addresses_reach_nobody(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(ONCE, ONE)

    def dial():
        with socket.socket() as made:
            made.settimeout(0.5)
            made.connect((ONCE, PORT))

    with pytest.raises(OSError, match=r"timed out|No route"):
        stage.client.do(dial)
    assert stage.reached(AMBASSADOR) == ONE


@lack(AT_ONCE, "proxy", instead="accepted, then reset at once")
def without_a_target_it_is_accepted_and_reset(stage):
    stage.link(AMBASSADOR)
    with pytest.raises(ConnectionResetError):
        stage.reached(AMBASSADOR)


@lack(OUTLIVES, "proxy", instead="connections end with it, new ones are refused until it is back")
def without_the_agent_nothing_goes_on(stage):
    stage.link(AMBASSADOR, ONE)
    with stage.dial(AMBASSADOR) as lost:
        hello(lost)
        stage.plane.die()
        with pytest.raises(ConnectionError):
            assert not echoes(lost)
    stage.refused(AMBASSADOR)
    stage.plane.revive()
    assert stage.reached(AMBASSADOR) == ONE


@lack(KEPT, "nftables", instead="it hangs when the client's last link goes, by `slave stop` too")
def what_is_connected_hangs_without_rules(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, TWO, port=PORT + 1)
    with stage.dial(AMBASSADOR) as lost:
        hello(lost)
        stage.unlink(AMBASSADOR, port=PORT + 1)
        assert echoes(lost)
        stage.plane.stop()
        lost.settimeout(0.5)
        with pytest.raises(OSError, match=r"timed out|reset"):
            echoes(lost)


@lack(KEPT, "proxy", instead="it goes on without its link, and ends with `slave stop`")
def what_is_connected_ends_with_the_proxy(stage):
    stage.link(AMBASSADOR, ONE)
    stage.link(AMBASSADOR, TWO, port=PORT + 1)
    with stage.dial(AMBASSADOR) as lost:
        hello(lost)
        stage.unlink(AMBASSADOR)
        assert stage.nowhere(AMBASSADOR)
        assert echoes(lost)
        stage.plane.stop()
        with pytest.raises(ConnectionError):
            assert not echoes(lost)


@lack(UDP, "proxy", instead="not carried, says `arpanet links`; nothing answers there")
def datagrams_are_left_alone(stage):
    assert "carries TCP only" in stage.not_carried(AMBASSADOR, ONE, protocol="udp")
    with stage.datagrams(AMBASSADOR) as connected:
        connected.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            connected.recv(100)


@lack(UDP_REFUSED, "nftables", instead="`EPERM`, at once")
def without_a_target_datagrams_are_not_permitted(stage):
    stage.link(AMBASSADOR, protocol="udp")
    with stage.datagrams() as free, pytest.raises(PermissionError):
        free.sendto(b"x", (AMBASSADOR, PORT))


@lack(UDP_REFUSED, "socket-old-kernel", instead="`EINVAL`, at once")
def without_a_target_datagrams_are_called_invalid(stage):
    stage.link(AMBASSADOR, protocol="udp")
    with stage.datagrams() as free, pytest.raises(OSError, match="Invalid argument"):
        free.sendto(b"x", (AMBASSADOR, PORT))
