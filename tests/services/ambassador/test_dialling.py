"""Dialling many addresses at once."""

import select
import socket
import time

import pytest
from arpanet_ambassador.flows.dialling import PROBE, dialled

from tests.conftest import SLOW, wait_for
from tests.services.ambassador.lan import SERVERS

ONE, TWO = SERVERS


def test_each_is_told_as_soon_as_it_is_known(lan):
    lan.serve(ONE, 7001)
    hole = [(f"10.99.0.{n}", 80) for n in range(100, 250)]  # nobody has these addresses
    asked = [*hole, (ONE, 7001), (TWO, 7002), ("fd99::9", 80)]
    when, began = {}, time.monotonic()

    def ask():
        for address, answered in dialled(asked):
            when[address] = answered, time.monotonic() - began

    lan.client.do(ask)
    assert when.keys() == set(asked)
    assert {address for address, (answered, _) in when.items() if answered} == {(ONE, 7001)}
    silent = min(when[address][1] for address in hole)
    assert when[ONE, 7001][1] < silent  # nobody waits for those that say nothing
    assert when[TWO, 7002][1] < silent
    assert time.monotonic() - began < (PROBE + 1.5) * SLOW


def test_who_refuses_is_there_if_that_is_asked(lan):
    asked = [(ONE, 7004), ("10.99.0.200", 80)]  # nobody has the latter
    assert lan.client.do(lambda: dict(dialled(asked))) == dict.fromkeys(asked, False)
    said = lan.client.do(lambda: dict(dialled(asked, refusing=True)))
    assert said == {asked[0]: True, asked[1]: False}


def test_servers_hear_nothing_of_it(lan):
    server = lan.servers.do(lambda: socket.create_server((ONE, 7003)))
    server.setblocking(False)

    def ask():
        return [list(dialled([(ONE, 7003)])) for _ in range(20)]

    with server:
        assert lan.client.do(ask) == [[((ONE, 7003), True)]] * 20
        with lan.client.dial(ONE, 7003) as real:
            wait_for(lambda: select.select([server], [], [], 0)[0])
            accepted, peer = server.accept()
            accepted.close()
            assert peer == real.getsockname()
        with pytest.raises(BlockingIOError):
            server.accept()
