"""Servers that refuse: somebody's refusal tells, and one dial confirms it."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing
from queue import SimpleQueue
from threading import Event

import pytest
from arpanet_ambassador.flows import prober
from arpanet_ambassador.planes.socket import bpf, refusals
from arpanet_ambassador.planes.socket.refusals import Refusals

from tests.conftest import wait_for
from tests.services.ambassador.lan import SERVERS, SERVERS6, echoes, hello
from tests.services.ambassador.planes import Machine, compiled
from tests.support.kernel import programs_of, there

ONE, TWO = SERVERS
CLOSED, OTHER = (ONE, 4001), (TWO, 4002)


# -- what the kernel tells -------------------------------------------------------------------------


@pytest.fixture
def told():
    """What is told, in its order."""
    return SimpleQueue()


@pytest.fixture(params=["shipped", "compiled anew"])
def watch(told, request):
    """Has these be told of, when called with their addresses."""
    blob = compiled("refusals") if request.param == "compiled anew" else None
    with closing(Refusals(told.put, blob)) as teller:
        yield lambda *ones: teller.watch(frozenset(ones))


def refused(node, ip, port, family=socket.AF_INET):
    def dial():
        with socket.socket(family) as one, pytest.raises(ConnectionRefusedError):
            one.connect((ip, port))

    node.do(dial)


def next_of(told):
    return told.get(timeout=20)


@pytest.mark.parametrize(
    ("dialled", "family", "shown"),
    [
        (ONE, socket.AF_INET, ONE),
        (f"::ffff:{ONE}", socket.AF_INET6, ONE),
        (SERVERS6, socket.AF_INET6, SERVERS6),
    ],
)
def test_a_refusal_is_told_by_the_address_that_refused(lan, told, watch, dialled, family, shown):
    watch((shown, 4001))
    refused(lan.client, dialled, 4001, family)
    assert next_of(told) == {(shown, 4001)}


def test_of_what_is_watched_and_of_nothing_else(lan, told, watch):
    watch(CLOSED)
    watch(OTHER)
    refused(lan.client, *CLOSED)
    refused(lan.client, ONE, 4002)
    refused(lan.client, *OTHER)
    assert next_of(told) == {OTHER}
    assert told.empty()


def test_a_flood_is_told_of_once(lan, told, watch):
    """So nobody who dials without a pause keeps the ambassador busy."""
    watch(CLOSED, OTHER)
    began = time.monotonic()
    for _ in range(50):
        refused(lan.client, *CLOSED)
    refused(lan.client, *OTHER)
    took = time.monotonic() - began
    count = 0
    while OTHER not in next_of(told):
        count += 1
    assert 1 <= count <= took + 1


def test_who_gives_up_or_is_reset_later_was_not_refused(lan, told, watch):
    watch(CLOSED, OTHER)
    lan.servers.sh("nft add table inet deaf")
    lan.servers.sh("nft add chain inet deaf in '{ type filter hook input priority 0; }'")
    lan.servers.sh(f"nft add rule inet deaf in ip daddr {ONE} drop")
    with lan.client.do(socket.socket) as one:
        one.settimeout(0.05)
        with pytest.raises(TimeoutError):
            one.connect(CLOSED)
    lan.servers.sh("nft delete table inet deaf")
    with (
        lan.servers.do(lambda: socket.create_server(CLOSED)) as listener,
        lan.client.do(lambda: socket.create_connection(CLOSED)) as one,
    ):
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        with pytest.raises(ConnectionResetError):
            one.recv(1)
    refused(lan.client, *OTHER)
    assert next_of(told) == {OTHER}


def test_more_than_there_is_room_for_harms_nobody(lan, told, monkeypatch):
    monkeypatch.setattr(refusals, "_WATCHED", refusals.MapKind(bpf.HASH, 20, 8, 1))
    with closing(Refusals(told.put)) as teller:
        teller.watch(frozenset({OTHER}))
        teller.watch(frozenset({OTHER, CLOSED}))
        refused(lan.client, *CLOSED)
        refused(lan.client, *OTHER)
        assert next_of(told) == {OTHER}
        teller.watch(frozenset({CLOSED}))
        refused(lan.client, *CLOSED)
        assert next_of(told) == {CLOSED}


ALONE = """
import threading
from arpanet_ambassador.planes.socket.refusals import Refusals

teller = Refusals(print)
teller.watch(frozenset({("10.0.0.1", 1)}))
print("ready", flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_stays_of_a_process_that_is_killed(number):
    with subprocess.Popen([sys.executable, "-c", ALONE], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        (mine,) = programs_of(process.pid)
        assert there(mine)
        process.send_signal(number)
    wait_for(lambda: not there(mine))


def test_nothing_stays_of_one_that_is_closed():
    teller = Refusals(print)
    (mine,) = programs_of(os.getpid())
    teller.close()
    wait_for(lambda: not there(mine))


# -- what becomes of it ----------------------------------------------------------------------------


@pytest.fixture
def servers(lan):
    """A server at each address: its listener, by its address."""
    made = {ip: lan.serve(ip, 6379) for ip in SERVERS}
    yield made
    for one in made.values():
        shut(one)


def shut(listener):
    """Listen no more; whoever is connected stays so."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is shut
        return
    listener.close()


@pytest.fixture
def host(make, place, servers):
    found = make(machine=Machine(place))
    found.services(ONE, TWO)
    found.containers()
    wait_for(lambda: found.ambassador.flows.prober._answered == {(ip, 6379) for ip in SERVERS})
    yield found
    found.ambassador.chain.clear([])


@pytest.fixture
def one_round(monkeypatch):
    """After the first, there is no further round of dials."""
    monkeypatch.setattr(prober, "pause", lambda *_: 3600.0)


def until_refused(host):
    """Have the client dial until it is refused once, in its turn."""
    for _ in range(4):
        try:
            host.reached()
        except ConnectionRefusedError:
            return
    raise AssertionError("it was not refused")


def is_silent(host, *ips):
    wanted = {(ip, 6379) for ip in ips}
    wait_for(lambda: host.ambassador.flows.prober.silent == wanted, 20)
    host.containers()


def test_a_client_that_is_refused_tells_without_a_round_of_dials(one_round, host, servers):
    with host.dial() as first, host.dial() as second:
        assert {hello(one).partition(":")[0] for one in (first, second)} == {ONE, TWO}
        shut(servers[ONE])
        until_refused(host)
        is_silent(host, ONE)
        assert {host.reached() for _ in range(4)} == {TWO}
        assert echoes(first) and echoes(second)


def test_it_is_back_when_it_listens_again(host, servers, lan):
    shut(servers[ONE])
    until_refused(host)
    is_silent(host, ONE)
    servers[ONE] = lan.serve(ONE, 6379)
    is_silent(host)
    assert {host.reached() for _ in range(4)} == {ONE, TWO}


def test_one_that_refused_and_takes_a_dial_stays(one_round, host, servers, lan, monkeypatch):
    """As a server that was started again meanwhile."""
    found, looked = host.ambassador.flows.prober, Event()
    look = found.look

    def after(ones):
        servers[ONE] = lan.serve(ONE, 6379)
        look(ones)
        looked.set()

    monkeypatch.setattr(found, "look", after)
    shut(servers[ONE])
    until_refused(host)
    assert looked.wait(20)
    assert found.silent == frozenset()
    host.containers()
    assert {host.reached() for _ in range(4)} == {ONE, TWO}


@pytest.fixture
def untold(monkeypatch):
    """A kernel that takes no such program."""
    load = bpf.load

    def refuses(code, hook, name, terms, kind=bpf.SOCK_ADDR):
        if kind == bpf.RAW_TRACEPOINT:
            raise OSError(22, "Invalid argument")
        return load(code, hook, name, terms, kind)

    monkeypatch.setattr(bpf, "load", refuses)


def test_where_the_kernel_does_not_tell_dials_do(untold, host, servers):
    assert programs_of(os.getpid()) == []
    shut(servers[ONE])
    is_silent(host, ONE)
    assert {host.reached() for _ in range(4)} == {TWO}


def test_links_go_on_without_the_agent_and_who_refuses_stays(host, servers):
    host.ambassador.close()
    assert programs_of(os.getpid()) == []
    shut(servers[ONE])
    until_refused(host)
    assert host.reached() == TWO


def test_where_no_instance_is_looked_at_nothing_is_loaded(make, place):
    made = make(machine=Machine(place))
    made.services()
    made.containers()
    assert programs_of(os.getpid()) == []
    made.services(ONE)
    assert len(programs_of(os.getpid())) == 1
    made.ambassador.chain.clear([])
