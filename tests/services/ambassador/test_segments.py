"""Segments that a table must not lose, and those that it must not let through."""

import socket
import struct
import threading
import time
from contextlib import suppress

import pytest
from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend

from arpanet.records import Target
from tests.services.ambassador.lan import AMBASSADOR, CLIENT, SERVERS, anybody, echoes, hello
from tests.services.ambassador.leading import leading

ONE = Target(SERVERS[0], 6379, "one")


@pytest.fixture(scope="module", autouse=True)
def server(module_lan):
    module_lan.serve(ONE.ip, 6379)


@pytest.fixture
def apply(lan):
    """Have the client's links to ONE be at these frontends."""
    plane = Nftables(anybody)

    def apply(*frontends):
        links = dict.fromkeys(frontends, (ONE,))
        assert plane.apply(*leading({"client": (lan.client.home, links)})) == {}

    return apply


def test_first_dial_of_localhost_is_answered_at_once(lan, apply):
    """Rules that come before the route lose the first segment; the next is sent after 1 s."""
    took = []
    for _ in range(5):
        apply(Frontend(AMBASSADOR, 6379))  # takes the route away again
        done = threading.Event()

        def localhost(done=done):
            apply(Frontend(LOOPBACK, 80))
            done.set()

        thread = threading.Thread(target=localhost)
        thread.start()
        while not done.is_set():
            began = time.monotonic()
            with suppress(ConnectionRefusedError):
                lan.client.dial("127.0.0.1", 80).close()
            took.append(time.monotonic() - began)
        thread.join()
    assert max(took) < 0.5


REPAIR, REPAIR_QUEUE, QUEUE_SEQ, RECEIVED, OFF = 19, 20, 21, 1, -1  # linux/tcp.h


def expected(connection):
    """The sequence number that the server's side of a connection waits for."""
    connection.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    connection.setsockopt(socket.IPPROTO_TCP, REPAIR_QUEUE, RECEIVED)
    found = connection.getsockopt(socket.IPPROTO_TCP, QUEUE_SEQ)
    connection.setsockopt(socket.IPPROTO_TCP, REPAIR, OFF)
    return found & 0xFFFFFFFF


def segment(source, destination, sequence, acknowledges):
    """A TCP segment with one byte of data."""
    ports = source[1], destination[1]
    body = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledges, 5 << 4, 0x18, 512, 0, 0)
    ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    summed = ends + struct.pack(">BBH", 0, 6, len(body) + 1) + body + b"x\0"
    total = sum(struct.unpack(f">{len(summed) // 2}H", summed))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return body[:16] + struct.pack(">H", ~total & 0xFFFF) + body[18:] + b"x"


def test_a_stray_segment_does_not_end_the_connection_at_the_server(lan, apply):
    """It is not translated back: without a rule, the client's stack answers it with a reset."""
    apply(Frontend(AMBASSADOR, 6379))
    with lan.client.dial(AMBASSADOR, 6379) as connection:
        hello(connection)
        here = (CLIENT, connection.getsockname()[1])
        served = lan.accepted(here)

        def send():
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
                raw.bind((ONE.ip, 0))
                for sequence in range(0, 1 << 32, 1 << 28):  # most are far outside of the window
                    stray = segment((ONE.ip, 6379), here, sequence, expected(served))
                    raw.sendto(stray, (CLIENT, 0))

        lan.servers.do(send)
        assert echoes(connection)
