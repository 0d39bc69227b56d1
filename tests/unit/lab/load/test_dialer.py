"""The load of drills: what counts as no answer."""

import asyncio
from types import SimpleNamespace

import pytest
from arpanet_lab.load import dialer
from arpanet_lab.load.dialer import STALL, Datagrams, Dialer, Loop
from arpanet_lab.load.load import Figures

from tests.support.stand_in import stand_in

LIMIT = 5.0


def waited(*steps):
    """Wait for an answer that takes as many turns, with so many seconds before each."""
    now = [1000.0]

    async def answered():
        async with asyncio.timeout(LIMIT):
            for seconds in steps:
                now[0] += seconds
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: Loop(lambda: now[0])) as runner:
        runner.run(answered())
        return runner.get_loop().stalled


def test_an_answer_that_was_there_while_the_dialer_did_not_run_is_one():
    assert waited(0.1, 2 * LIMIT, 0.1, 0.1, 0.1) == 2 * LIMIT


def test_a_dialer_that_is_slow_has_the_time_that_others_have():
    assert waited(*[STALL] * 9) == 0.0
    with pytest.raises(TimeoutError):
        waited(*[STALL] * 14)


def test_a_connection_that_nobody_ever_served_is_none_that_broke(monkeypatch):
    said = [ConnectionResetError(), "h1", ConnectionResetError(), asyncio.CancelledError()]

    class Scripted(Dialer):
        async def ask(self, *_):
            found = said.pop(0)
            if isinstance(found, BaseException):
                raise found
            return found

    async def opened(*_):
        return None, SimpleNamespace(close=lambda: None)

    async def slept(_):
        pass

    stand_in(monkeypatch, dialer, "asyncio", open_connection=opened, sleep=slept)

    async def held():
        one = Scripted("h", 1, 1.0, 1, 1.0)
        one.ready.set()
        with pytest.raises(asyncio.CancelledError):
            await one.hold()
        return one.broken

    assert [found[1:] for found in asyncio.run(held())] == [("reset", "h1")]


def test_whether_a_dial_was_taken_before_it_failed_is_told(monkeypatch):
    class Silent(Dialer):
        async def ask(self, *_):
            raise TimeoutError

    opened = [(None, SimpleNamespace(close=lambda: None)), ConnectionRefusedError()]

    async def open_connection(*_):
        if isinstance(found := opened.pop(0), OSError):
            raise found
        return found

    stand_in(monkeypatch, dialer, "asyncio", open_connection=open_connection)

    async def dialled():
        one = Silent("h", 1, 1.0, 1, 1.0)
        await one.dial_once()
        await one.dial_once()
        return [why for _, _, why in one.failed]

    assert asyncio.run(dialled()) == ["timed out after it was taken", "refused"]


class Echo(asyncio.DatagramProtocol):
    """Answers each third datagram only."""

    def __init__(self):
        self.heard = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.heard += 1
        if self.heard % 3 == 0:
            self.transport.sendto(data, source)


def test_by_udp_it_asks_again_until_it_is_answered(monkeypatch):
    monkeypatch.setattr(dialer, "AGAIN", 0.01)

    async def dialled():
        loop = asyncio.get_running_loop()
        server, echo = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        one = Datagrams(*server.get_extra_info("sockname"), 1.0, 0, LIMIT)
        for _ in range(2):
            await one.dial_once()
        server.close()
        one.limit = 0.05
        await one.dial_once()
        return one, echo

    one, echo = asyncio.run(dialled())
    assert (one.dialled, one.answers[""], echo.heard) == (3, 2, 6)
    assert [why for _, _, why in one.failed] == ["timed out"]


def test_what_a_client_lacked_itself_is_told():
    lost = [(1000.0, 5.0, "timed out")]
    assert str(Figures(10, {}, lost, 4, [], 5.0, 6.2)) == (
        "1 of 10 failed (1 timed out, over 5.0 s), 0 of 4 held broken, itself stopped for 6.2 s"
    )
