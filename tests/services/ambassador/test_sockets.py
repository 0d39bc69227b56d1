"""The socket plane as a plane: what it refuses, waits for, and leaves to others."""

import os
from dataclasses import replace

import pytest
from arpanet_ambassador.planes.chain import Chain
from arpanet_ambassador.planes.choice import chain
from arpanet_ambassador.planes.plane import LOOPBACK, Client, Frontend, Home
from arpanet_ambassador.planes.socket.host import Unavailable
from arpanet_ambassador.planes.socket.plane import RETRY, Sockets

from arpanet.records import Target
from tests.services.ambassador.behaviours.stage import ONE, PORT, TWO
from tests.services.ambassador.lan import AMBASSADOR, anybody, hello
from tests.services.ambassador.leading import leading
from tests.services.ambassador.planes import Machine, bpffs

DIALS = Frontend(AMBASSADOR, PORT)
FIRST, SECOND = (Target(*one) for one in (ONE, TWO))

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture
def machine():
    with bpffs() as place:
        yield Machine(place)


@pytest.fixture
def sockets(machine):
    made = Sockets(anybody, machine)
    yield made
    assert made.clear([]) == {}


def wanted(lan, *targets, **others):
    homes = {"c": lan.client.home, **others}
    return leading({key: (home, {DIALS: targets}) for key, home in homes.items()})


def reached(lan):
    with lan.client.dial(AMBASSADOR, PORT) as connection:
        return hello(connection).partition(":")[0]


@pytest.mark.parametrize(
    ("frontend", "targets", "refused"),
    [
        (DIALS, [FIRST], False),
        (DIALS, [], False),
        (DIALS, [Target("fd00::1", 80)], True),
        (DIALS, [FIRST, Target("fd00::1", 80)], False),
        (Frontend(LOOPBACK, 80), [Target("fd00::1", 80)], False),
        (Frontend("127.77.0.1", 53, "udp"), [Target("fd00::1", 53)], True),
    ],
)
def test_what_it_refuses(sockets, frontend, targets, refused):
    assert bool(sockets.refuses(frontend, targets)) is refused


def test_a_link_that_is_refused_only_once_it_leads_somewhere_takes_no_other_with_it(lan, sockets):
    other = Frontend(AMBASSADOR, PORT + 1)
    both = Client(lan.client.home, {other: "a", DIALS: "b"})
    assert sockets.apply({"c": both}, {}) == {}
    for target in (FIRST, SECOND):
        assert sockets.apply({"c": replace(both, links={DIALS: "b"})}, {"b": (target,)}) == {}
        assert reached(lan) == target.ip


@pytest.mark.parametrize("target", [Target("fd00::1", PORT), None])
def test_a_name_that_leads_nowhere_does_not_lead_where_localhost_leads(lan, sockets, target):
    named = Frontend("127.77.1.1", PORT)
    links = {named: (target,) if target else (), Frontend(LOOPBACK, PORT): (FIRST,)}
    carried = Chain([sockets]).apply(*leading({"c": (lan.client.home, links)}))
    assert carried.planes.keys() == {("c", one) for one in links if target is None or one != named}
    with pytest.raises(ConnectionRefusedError):
        lan.client.dial(named.address, PORT)
    with lan.client.dial("127.0.0.1", PORT) as connection:
        assert hello(connection) == f"{FIRST.ip}:{FIRST.port}"


def test_a_host_that_cannot_have_it_is_asked_again_now_and_then(lan, machine, monkeypatch):
    clock = [0.0]
    made = Sockets(anybody, machine, clock=lambda: clock[0])
    asked = []

    def unavailable(self):
        asked.append(clock[0])
        raise Unavailable("the kernel is too old")

    monkeypatch.setattr(Machine, "cookie", unavailable)
    for now in (0.0, 1.0, RETRY - 1):
        clock[0] = now
        assert made.apply(*wanted(lan, FIRST)) == {("c", DIALS): "the kernel is too old"}
    assert asked == [0.0]
    assert made.due() == 1.0
    monkeypatch.undo()
    clock[0] = RETRY
    assert made.apply(*wanted(lan, FIRST)) == {}
    assert made.due() is None
    assert reached(lan) == ONE[0]
    made.clear([])


def test_a_client_that_cannot_be_entered_is_told_and_others_are_carried(lan, machine):
    def verify(home):
        if home.container == "other":
            raise OSError("no privileges")
        return True

    made = Sockets(verify, machine)
    both = wanted(lan, FIRST, o=Home("other", lan.other.process.pid))
    assert made.apply(*both) == {("o", DIALS): "no privileges"}
    assert reached(lan) == ONE[0]
    made.clear([])


def test_a_client_that_is_gone(lan, sockets):
    gone = leading({"g": (Home("gone", 2**22 + 1), {DIALS: (FIRST,)})})
    assert sockets.apply(*gone) == {("g", DIALS): "the container has gone"}


def test_a_client_on_the_hosts_network_without_a_cgroup_is_told_what_to_do(sockets):
    home = Home("guest", os.getpid(), shared=True)
    ((_, said),) = sockets.apply(*leading({"g": (home, {DIALS: (FIRST,)})})).items()
    assert said.endswith("give the container a network of its own")


def test_clients_of_one_pool_share_their_targets(lan, sockets):
    homes = {"c": lan.client.home, "o": lan.other.home}
    clients = {key: Client(home, {DIALS: "redis"}) for key, home in homes.items()}
    for target in (FIRST, SECOND):
        assert sockets.apply(clients, {"redis": (target,)}) == {}
        assert reached(lan) == target.ip
    assert len(sockets._kernel._held["pools"]) == 1
    assert {key: use.made for key, use in sockets.uses().items()} == {
        ("c", DIALS): 2,
        ("o", DIALS): 0,
    }
    assert sockets.reached() == {"c": {ONE, TWO}}


def test_what_this_plane_has_left_goes_where_it_is_not_used_any_more(lan, machine):
    """Its entries would go before the rules that are to follow."""
    clients = wanted(lan, FIRST)
    first = chain("auto", None, anybody, machine)
    assert first.apply(*clients).planes == {("c", DIALS): "socket"}
    first.close()
    second = chain("nftables", None, anybody, machine)
    assert second.apply(*wanted(lan, SECOND)).planes == {("c", DIALS): "nftables"}
    second.tidy({"c": lan.client.home})
    assert list(machine.bpffs().glob("arpanet*")) == []
    assert reached(lan) == TWO[0]
    third = chain("socket", None, anybody, machine)
    assert third.apply(*clients).planes == {("c", DIALS): "socket"}
    third.tidy({"c": lan.client.home})
    assert lan.client.rules() == ""
    assert reached(lan) == ONE[0]
    third.clear([])


def test_nothing_is_made_to_be_cleared(monkeypatch):
    class Bare(Machine):
        def mounted_bpffs(self):
            return None

    assert Sockets(anybody, Bare(None)).clear([]) == {}
