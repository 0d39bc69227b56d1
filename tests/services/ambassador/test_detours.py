"""Dials that were under way when an instance fell silent."""

import socket
import time
from contextlib import ExitStack, contextmanager

import pytest
from arpanet_ambassador.flows import living
from arpanet_ambassador.planes import detour

from tests.conftest import SLOW, wait_for
from tests.services.ambassador.lan import AMBASSADOR, SERVERS, echoes, hello
from tests.services.ambassador.planes import Machine, bpffs
from tests.services.ambassador.test_silence import answered, deaf, silent

__all__ = ["deaf"]

ONE, TWO = SERVERS
BOTH = frozenset({(ONE, 6379), (TWO, 6379)})

pytestmark = pytest.mark.usefixtures("servers")


def begun(lan, address, port):
    """Return a connection that the client has asked for just now."""

    def ask():
        made = socket.socket()
        made.setblocking(False)
        made.connect_ex((address, port))
        made.settimeout(30)
        return made

    return lan.client.do(ask)


@contextmanager
def led(host, lan, deaf):
    """Have connections that were begun when the first server took no packets any more."""
    host.services(ONE, TWO)
    host.containers()
    wait_for(lambda: len(answered(host)) == 2)
    with ExitStack() as stack:
        deaf(ONE)
        places = [(AMBASSADOR, 6379), ("127.0.0.1", 80)] * 4  # each second one gets it
        dials = [stack.enter_context(begun(lan, *place)) for place in places]
        began = time.monotonic()
        silent(host, ONE)
        assert {hello(one) for one in dials} == {f"{TWO}:6379"}
        assert time.monotonic() - began < 5 * SLOW
        yield dials


def table(lan):
    return lan.client.sh(f"nft list table ip {detour.TABLE} 2>/dev/null || true")


def reap(host, *known):
    """Look for stuck connections where nothing but *known* is known."""
    flows = host.ambassador.flows
    host.lan.ambassador.do(lambda: flows.reaper.reap(flows._watches, frozenset(known)))


def test_a_dial_under_way_ends_at_who_answers_and_stays_there(host, lan, deaf):
    with led(host, lan, deaf) as dials:
        reap(host, (TWO, 6379))
        assert all(echoes(one) for one in dials), "it is not where it was begun that counts"
        deaf(ONE, TWO)
        reap(host)
        for one in dials:
            with pytest.raises(ConnectionError):
                one.recv(1)


def test_who_has_asked_just_now_may_be_answered_and_is_looked_at_again(
    host, lan, deaf, monkeypatch
):
    host.services(ONE, TWO)
    host.containers()
    deaf(ONE)
    flows, (client,) = host.ambassador.flows, host.ambassador.plan.clients.values()
    with ExitStack() as stack:
        for _ in range(4):  # each second one gets it
            stack.enter_context(begun(lan, AMBASSADOR, 6379))
        (linked,) = flows._linked().values() or [frozenset()]

        def lead():
            moves = {(ONE, 6379): [(TWO, 6379)]}
            return lan.client.do(lambda: detour.lead(moves, frozenset(client.links), linked))

        monkeypatch.setattr(detour, "YOUNG", 1000)
        assert lead() == (0, 2)
        monkeypatch.setattr(detour, "YOUNG", 0)
        assert lead() == (2, 0)


def test_it_outlives_its_link_and_then_nothing_is_left(make, lan, deaf):
    with bpffs() as place:
        host = make(machine=Machine(place))
        with led(host, lan, deaf) as dials:
            host.ambassador.chain.clear([lan.client.home])
            assert all(echoes(one) for one in dials)
            assert table(lan)
        host.ambassador.chain.clear([lan.client.home])
        assert not table(lan)


def test_it_tells_of_who_answers(make, lan, deaf):
    with bpffs() as place:
        host = make(machine=Machine(place))
        with led(host, lan, deaf) as dials:
            assert all(echoes(one) for one in dials)
            assert lan.client.do(lambda: living._heard(BOTH)).there.keys() == {(TWO, 6379)}
        host.ambassador.chain.clear([lan.client.home])


def test_whom_an_app_dials_itself_is_not_exchanged(make, lan):
    """Its sockets look the same, and it may mean this very instance."""
    with bpffs() as place:
        host = make(machine=Machine(place))
        host.services(ONE, TWO)
        host.containers()
        assert {host.reached() for _ in range(2)} == {ONE, TWO}
        (plane, *_) = host.ambassador.chain.planes
        assert set(plane.linked().values()) == {BOTH}
        lan.client.dial(ONE, 6379).close()
        assert set(plane.linked().values()) == {frozenset({(TWO, 6379)})}
        host.ambassador.chain.clear([])
