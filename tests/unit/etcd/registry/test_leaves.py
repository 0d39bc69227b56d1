"""What others find below /services/: what is there against what masters make of records."""

import json
from dataclasses import replace

import pytest
from arpanet_etcd.client.wire import Value
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.leaves import Leaf, Leaves, lease_of

from arpanet import Host, Instance, codec

LAYOUT = Layout("/x", leaves=False)
OURS, SESSION = lease_of(LAYOUT, "h1"), 7
WEB = Instance("h1:c:80", ("web",), "h1", "10.0.0.1", 8080)
LEAF = "/x/services/web/h1:c:80"


def record(instance, host=""):
    host = host or instance.host
    text = codec.encode(replace(instance, host=host))
    return LAYOUT.record(host, instance.id), Value(text, 5, SESSION, 5)


def admitted(host, role, *addresses):
    text = json.dumps({"role": role, "addresses": list(addresses)})
    return LAYOUT.kept(f"public/hosts/{host}"), Value(text, 1, 0, 1)


def leaf(address, lease, revision=9, key=LEAF):
    return key, Value(address, revision, lease, revision)


@pytest.fixture
def leaves():
    made = Leaves(LAYOUT, "m1")
    session = Value(codec.encode(Host("h1", "10.0.0.1")), 2, SESSION, 2)
    made.take(
        [
            (LAYOUT.host("h1"), session),
            admitted("m1", "master", "10.0.0.9"),
            admitted("h1", "slave", "10.0.0.1"),
        ],
        9,
    )
    return made


def test_a_record_makes_leaves_and_its_end_takes_them_away(leaves):
    both = replace(WEB, services=("web", "site"))
    leaves.take([record(both)], 9)
    wanted = ["/x/services/site/h1:c:80", LEAF]
    assert leaves.todo() == [Leaf(key, "10.0.0.1:8080", 0, OURS) for key in wanted]
    assert leaves.leases() == {OURS}
    leaves.take([leaf("10.0.0.1:8080", OURS, key=key) for key in wanted], 9)
    assert leaves.todo() == []
    leaves.take([record(WEB)], 9)
    assert leaves.todo() == [Leaf(wanted[0], "", 9)]
    leaves.take([(wanted[0], None), (record(WEB)[0], None)], 9)
    assert leaves.todo() == [Leaf(LEAF, "", 9)]


@pytest.mark.parametrize(
    "change",
    [{"ip": ""}, {"health": "stopping"}, {"ip": "10.0.0.2"}, {"host": "h3"}],
    ids=["for its own host", "stopping", "at another's address", "of nobody who is let in"],
)
def test_nothing_is_made_of_what_nobody_may_dial(leaves, change):
    leaves.take([record(replace(WEB, **change))], 9)
    assert leaves.todo() == []


@pytest.mark.parametrize(
    "names",
    [("web", "\ud800"), ("web", "x" * 2001), tuple(f"web{n}" for n in range(65))],
    ids=["a name that is no text", "a long name", "many names"],
)
def test_what_no_host_would_write_keeps_no_other_from_its_leaves(leaves, names, caplog):
    bad = replace(WEB, id="h1:bad:1", services=names)
    leaves.take([record(bad), record(WEB)], 9)
    assert [one.key for one in leaves.todo()] == [LEAF]
    assert "nothing is listed of h1:bad:1" in caplog.text


def test_a_reserved_name_is_its_hosts_alone(leaves):
    reserved = (LAYOUT.kept("public/services/web"), Value('{"hosts": ["m1"]}', 3, 0, 3))
    leaves.take([record(replace(WEB, services=("web", "site"))), reserved], 9)
    assert [one.key for one in leaves.todo()] == ["/x/services/site/h1:c:80"]
    leaves.take([(reserved[0], None)], 9)
    assert LEAF in [one.key for one in leaves.todo()]


@pytest.mark.parametrize(
    "found",
    [("10.6.6.6:1", OURS), ("10.6.6.6:1", 0), ("10.0.0.1:8080", SESSION), ("10.0.0.1:8080", 0)],
)
def test_whatever_stands_in_its_place_gives_way(leaves, found):
    leaves.take([record(WEB), leaf(*found)], 9)
    assert leaves.todo() == [Leaf(LEAF, "10.0.0.1:8080", 9, OURS)]


@pytest.mark.parametrize(("lease", "goes"), [(OURS, True), (SESSION, True), (0, False), (8, False)])
def test_of_leaves_without_a_record_only_what_masters_or_hosts_wrote_goes(leaves, lease, goes):
    leaves.take([leaf("10.0.0.1:8080", lease)], 9)
    assert bool(leaves.todo()) == goes


def test_what_a_host_wrote_before_its_session_was_known_goes_too(leaves):
    leaves.take([leaf("10.0.0.1:8080", 8)], 9)
    assert leaves.todo() == []
    other = Value(codec.encode(Host("h1", "10.0.0.1")), 12, 8, 2)
    leaves.take([(LAYOUT.host("h1"), other)], 9)
    assert leaves.todo() == [Leaf(LEAF, "", 9)]


def test_what_goes_comes_first(leaves):
    leaves.take([record(WEB), leaf("10.0.0.1:1", OURS, key="/x/services/zoo/h1:old:80")], 9)
    assert [bool(one.address) for one in leaves.todo()] == [False, True]


def test_masters_take_turns_by_name_and_who_is_not_let_in_has_none(leaves):
    assert leaves.turn == 0
    leaves.take([admitted("a", "slave", "10.0.0.8"), admitted("b", "master", "10.0.0.7")], 9)
    assert leaves.turn == 1
    leaves.take([(LAYOUT.kept("public/hosts/m1"), None)], 9)
    assert leaves.turn is None
    leaves.take([(LAYOUT.kept("public/hosts/m1"), Value("nonsense", 4, 0, 4))], 9)
    assert leaves.turn is None


def test_a_lease_of_masters_is_one_that_etcd_takes_and_of_one_path_and_host():
    found = {OURS, lease_of(Layout("/y"), "h1"), lease_of(LAYOUT, "h2")}
    assert len(found) == 3
    assert all(0 < one < 2**63 for one in found)


def test_an_answer_that_comes_late_hides_no_later_change(leaves):
    leaves.take([record(WEB)], 9)
    by_hand = leaf("10.6.6.6:1", 0, revision=11)
    leaves.take([leaf("10.0.0.1:8080", OURS, revision=10), by_hand], 11)
    leaves.found(*leaf("10.0.0.1:8080", OURS, revision=10), 10)
    assert leaves.todo() == [Leaf(LEAF, "10.0.0.1:8080", 11, OURS)]
    leaves.found(*leaf("10.0.0.1:8080", OURS, revision=12), 12)
    assert leaves.todo() == []
