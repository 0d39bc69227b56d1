"""The nftables plane in real network namespaces."""

import socket
import time
from functools import partial

import pytest
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.nftables import nft
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend

from arpanet import sockets
from arpanet.records import Target
from tests.services.ambassador.lan import (
    AMBASSADOR,
    echoes,
    hello,
)
from tests.services.ambassador.nftables import ONE, TWO, links

pytestmark = pytest.mark.usefixtures("servers")


def test_both_forms_reach_the_target(lan, plane):
    assert plane.apply(backend=[ONE], connect=[TWO]) == set()
    with lan.client.dial(AMBASSADOR, 6379) as one, lan.client.dial("127.0.0.1", 80) as two:
        assert hello(one) == f"{ONE.ip}:6379"
        assert hello(two) == f"{TWO.ip}:6379"
        assert echoes(one)
        assert echoes(two)


def test_connections_take_turns(lan, plane):
    plane.apply(backend=[ONE, TWO])
    reached = []
    for _ in range(6):
        with lan.client.dial(AMBASSADOR, 6379) as connection:
            reached.append(hello(connection))
    assert sorted(reached) == sorted([f"{one.ip}:6379" for one in (ONE, TWO)] * 3)
    assert reached[0] != reached[1]


@pytest.mark.parametrize("address", [(AMBASSADOR, 6379), ("127.0.0.1", 80)])
def test_without_targets_it_is_refused_at_once(lan, plane, address):
    plane.apply(backend=[], connect=[])
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        lan.client.dial(*address)
    assert time.monotonic() - began < 0.9  # a packet that was dropped is sent again after one


def test_link_on_localhost_goes_before_a_local_listener(lan, plane):
    lan.serve("127.0.0.1", 80, lan.client)
    with lan.client.dial("127.0.0.1", 80) as connection:
        assert hello(connection) == "127.0.0.1:80"
    plane.apply(connect=[TWO])
    with lan.client.dial("127.0.0.1", 80) as connection:
        assert hello(connection) == f"{TWO.ip}:6379"


def test_a_client_that_starts_waits_for_nothing_to_be_thrown_away(lan, plane, monkeypatch):
    ran, run = [], nft.run
    monkeypatch.setattr(nft, "run", lambda text: run(text) or ran.append(text))
    plane.apply(backend=[ONE])
    plane.apply(backend=[TWO])
    assert ["delete table" in text for text in ran] == [False, True]
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        assert hello(connection) == f"{TWO.ip}:6379"


def test_update_leaves_established_connections_where_they_are(lan, plane):
    plane.apply(backend=[ONE], connect=[ONE])
    with lan.client.dial(AMBASSADOR, 6379) as one, lan.client.dial("127.0.0.1", 80) as two:
        assert hello(one) == hello(two) == f"{ONE.ip}:6379"
        for targets in ([TWO], []):
            plane.apply(backend=targets, connect=targets)
            assert echoes(one)
            assert echoes(two)


def test_connection_made_before_the_table_stays_with_the_ambassador(lan, plane):
    """Else the proxy plane could not stand in until the rules are there."""
    lan.serve(AMBASSADOR, 6379, lan.ambassador)
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        assert hello(connection) == f"{AMBASSADOR}:6379"
        for targets in ([ONE], []):
            plane.apply(backend=targets)
            assert echoes(connection)


def test_docker_resolver_is_left_alone(lan, plane):
    lan.serve("127.0.0.11", 80, lan.client)
    plane.apply(connect=[ONE])
    with lan.client.dial("127.0.0.11", 80) as connection:
        assert hello(connection) == "127.0.0.11:80"


def localnet(lan):
    return lan.client.sh("cat /proc/sys/net/ipv4/conf/all/route_localnet").strip()


def test_localnet_is_routed_only_while_a_link_needs_it(lan, plane):
    plane.apply(backend=[ONE])
    assert localnet(lan) == "0"
    plane.apply(backend=[ONE], connect=[ONE])
    assert localnet(lan) == "1"
    plane.apply(backend=[ONE])
    assert localnet(lan) == "0"


def test_neighbours_do_not_reach_what_listens_on_localhost(lan, plane):
    lan.serve("127.5.5.5", 8080, lan.client)
    lan.servers.sh(
        "sysctl -qw net.ipv4.conf.br0.route_localnet=1;"
        "ip route del local 127.0.0.0/8 dev lo table local;"
        f"ip route replace 127.0.0.0/8 via 10.99.0.3 src {ONE.ip}"
    )
    try:
        plane.apply(connect=[ONE])
        with pytest.raises(TimeoutError):
            lan.servers.dial("127.5.5.5", 8080, 0.5)
        lan.client.sh("nft delete chain ip arpanet guard")  # what the kernel alone would allow
        with lan.servers.dial("127.5.5.5", 8080) as connection:
            assert hello(connection) == "127.5.5.5:8080"
    finally:
        lan.servers.sh(
            "ip route del 127.0.0.0/8 via 10.99.0.3;"
            "ip route add local 127.0.0.0/8 dev lo table local src 127.0.0.1"
        )


def test_answers_come_back_to_a_client_with_two_networks(lan, plane):
    """The target is in another network than the ambassador; the app's socket has the first's."""
    lan.client.sh(
        "ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 up;"
        "ip addr add 10.98.0.3/24 dev d0"
    )
    try:
        plane.hold(links([ONE], ambassador="10.98.0.2"))
        with lan.client.dial("10.98.0.2", 6379) as connection:
            assert connection.getsockname()[0] == "10.98.0.3"
            assert hello(connection) == f"{ONE.ip}:6379"
    finally:
        lan.client.sh("ip link del d0")


def test_what_is_not_wanted_any_more_goes(lan, plane):
    plane.apply(backend=[ONE], connect=[ONE])
    assert plane.nftables.apply({}, {}) == {}
    assert plane.listing() == ""
    assert localnet(lan) == "0"


def test_only_what_changed_is_touched(plane):
    plane.apply(backend=[ONE])
    plane.lan.client.sh("nft delete table ip arpanet")
    plane.apply(backend=[ONE])
    plane.apply(backend=[ONE], started="later")  # what was seen to start is announced: it is there
    assert plane.listing() == ""
    plane.apply(backend=[TWO], started="later")
    assert "dnat to" in plane.listing()


def test_another_namespace_of_the_same_name_has_nothing_yet(plane, monkeypatch):
    """A container that is started again often gets the name that its last one had."""
    plane.apply(backend=[ONE], started="t0")
    plane.lan.client.sh("nft delete table ip arpanet")
    monkeypatch.setattr(namespaces, "cookie", lambda: 1)
    plane.apply(backend=[ONE], started="")
    assert "dnat to" in plane.listing()


def test_other_tables_are_left_alone(lan, plane):
    lan.client.sh("nft add table ip mine; nft add chain ip mine c")
    try:
        plane.apply(backend=[ONE])
        plane.nftables.apply({}, {})
        assert "chain c" in lan.client.sh("nft list table ip mine")
    finally:
        lan.client.sh("nft delete table ip mine")


def test_flow_is_found_and_its_socket_destroyed(lan, plane):
    plane.apply(backend=[ONE], connect=[TWO])
    with lan.client.dial(AMBASSADOR, 6379) as one, lan.client.dial("127.0.0.1", 80) as two:
        hello(one), hello(two)
        found = {flow.source: flow for flow in lan.client.do(netlink.flows)}
        for connection, target in ((one, ONE), (two, TWO)):
            flow = found[connection.getsockname()]
            assert (flow.dialled, flow.target) == (connection.getpeername(), (target.ip, 6379))
        flow = found[one.getsockname()]
        assert lan.client.do(lambda: netlink.answered(flow.source, flow.dialled))
        lan.client.do(lambda: sockets.destroy_socket(flow.source, flow.dialled))
        with pytest.raises(ConnectionAbortedError):
            one.recv(1)
        lan.client.do(lambda: netlink.delete_flow(flow.source, flow.dialled))
        for gone in (netlink.delete_flow, netlink.answered):
            with pytest.raises(FileNotFoundError):
                lan.client.do(partial(gone, flow.source, flow.dialled))
        assert echoes(two)


def test_forgotten_flow_is_reset_when_it_sends(lan, plane):
    """For kernels that can't destroy sockets."""
    plane.apply(connect=[TWO])
    with lan.client.dial("127.0.0.1", 80) as connection:
        hello(connection)
        plane.apply(connect=[])
        (flow,) = [f for f in lan.client.do(netlink.flows) if f.source == connection.getsockname()]
        lan.client.do(lambda: netlink.delete_flow(flow.source, flow.dialled))
        connection.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_sockets_that_are_not_there(lan):
    with pytest.raises(FileNotFoundError):
        lan.client.do(lambda: sockets.destroy_socket(("10.99.0.3", 1), ("10.99.0.2", 1)))


# -- more forms ---------------------------------------------------------------------------------


def test_datagrams(lan, plane):
    server = lan.servers.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server, lan.client.do(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as app:
        server.bind((ONE.ip, 53))
        app.settimeout(5)
        found = {Frontend(LOOPBACK, 53, "udp"): (Target(ONE.ip, 53),)}
        plane.hold(found)
        app.connect(("127.0.0.1", 53))
        app.send(b"question")
        said, whence = server.recvfrom(100)
        server.sendto(said[::-1], whence)
        assert app.recv(100) == b"noitseuq"
        plane.hold({Frontend(LOOPBACK, 54, "udp"): ()})
        app.connect(("127.0.0.1", 54))
        with pytest.raises((ConnectionRefusedError, PermissionError)):
            app.send(b"question")
            app.recv(100)


def test_a_name_of_its_own_goes_before_localhost(lan, plane):
    found = {
        Frontend("127.77.0.1", 80): (TWO,),
        Frontend("127.77.0.2", 80): (),
        Frontend(LOOPBACK, 80): (ONE,),
    }
    plane.hold(found)
    for address, target in (("127.77.0.1", TWO), ("127.77.0.3", ONE), ("127.0.0.1", ONE)):
        with lan.client.dial(address, 80) as connection:
            assert hello(connection) == f"{target.ip}:6379"
    with pytest.raises(ConnectionRefusedError):
        lan.client.dial("127.77.0.2", 80)
