"""Which dials under way are led elsewhere, and where."""

from arpanet_ambassador.flows.detours import left, moves
from arpanet_ambassador.planes.plane import LOOPBACK, Client, Frontend, Home

from arpanet.records import Target

ONE, TWO, THREE = (Target(f"10.0.0.{number}", 1) for number in (1, 2, 3))
SIX = Target("fd00::6", 1)
A, B = Frontend(LOOPBACK, 80), Frontend("127.77.0.1", 81)


def at(*targets):
    return frozenset((one.ip, one.port) for one in targets)


def test_what_went_out_of_a_pool_since_it_is_silent():
    before = {"a": (ONE, TWO, THREE), "b": (ONE,), "c": (ONE, TWO)}
    now = {"a": (THREE,), "b": before["b"], "c": (ONE,), "new": (ONE,)}
    assert left(before, now, at(ONE)) == {"a": at(ONE)}
    assert left(before, now, at(ONE, TWO)) == {"a": at(ONE, TWO), "c": at(TWO)}
    assert left(before, now, at()) == {}


def test_a_dial_goes_where_all_links_lead_that_may_have_begun_it():
    both = Client(Home("id", 7), {A: "a", B: "b"})
    out = {"a": at(ONE), "b": at(ONE)}
    (one,) = at(ONE)
    assert moves(both, out, {"a": (THREE, TWO), "b": (TWO,)}) == {one: [*at(TWO)]}
    assert moves(both, out, {"a": (THREE,), "b": (TWO,)}) == {one: []}
    assert moves(both, {"a": at(ONE)}, {"a": (TWO, THREE)}) == {one: sorted(at(TWO, THREE))}


def test_datagrams_and_ipv6_are_not_led():
    client = Client(Home("id", 7), {A._replace(protocol="udp"): "a", B: "b"})
    (one,) = at(ONE)
    found = moves(client, {"a": at(TWO), "b": at(ONE, SIX)}, {"a": (THREE,), "b": (SIX, THREE)})
    assert found == {one: [*at(THREE)]}
