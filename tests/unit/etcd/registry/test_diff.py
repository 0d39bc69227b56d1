"""What a host has to write."""

from dataclasses import replace

from arpanet_etcd.registry.diff import Change, Entry, batches, belongings, changes
from arpanet_etcd.registry.keys import Layout

from arpanet import codec
from arpanet.records import Host, Instance

LAYOUT = Layout("/a")
ONE = Instance("h1:a:1", ("web", "all"), "h1", "10.0.0.1", 1)
TWO = Instance("h1:b:1", ("db",), "h1", "10.0.0.1", 2)
RECORD = LAYOUT.record(ONE.id)


def known(*instances, revision=5, mine=True):
    return {
        key: Entry(text, revision, mine)
        for one in instances
        for key, text in LAYOUT.entries(one).items()
    }


def test_nothing_known_everything_is_new():
    todo, refused = changes([TWO, ONE], {}, LAYOUT, "h1")
    assert todo == [
        Change(RECORD, 0, LAYOUT.entries(ONE)),
        Change(LAYOUT.record(TWO.id), 0, LAYOUT.entries(TWO)),
    ]
    assert refused == {}


def test_what_is_there_is_left_alone():
    host = {LAYOUT.host("h1"): Entry(codec.encode(Host("h1", "")), 1, True)}
    assert changes([ONE, TWO], {**known(ONE, TWO), **host}, LAYOUT, "h1") == ([], {})


def test_a_changed_instance_is_one_change_with_its_record_s_revision():
    moved = replace(ONE, port=9, services=("web", "new"))
    (change,), _ = changes([moved], known(ONE), LAYOUT, "h1")
    assert (change.record, change.revision) == (RECORD, 5)
    assert change.puts == LAYOUT.entries(moved)
    assert change.deletes == ["/a/services/all/h1:a:1"]


def test_what_is_not_wanted_is_deleted_when_it_is_own():
    todo, _ = changes([], known(ONE), LAYOUT, "h1")
    assert todo == [Change(RECORD, 5, {}, list(LAYOUT.entries(ONE)))]
    assert changes([], known(ONE, mine=False), LAYOUT, "h1") == ([], {})


def test_a_missing_leaf_is_put_back_alone():
    leaf = "/a/services/all/h1:a:1"
    there = known(ONE)
    del there[leaf]
    assert changes([ONE], there, LAYOUT, "h1") == ([Change(RECORD, 5, {leaf: ONE.address})], {})


def test_another_host_s_id_is_refused_and_a_lost_one_of_this_host_is_taken_back():
    theirs = known(replace(ONE, host="h2"), mine=False)
    todo, refused = changes([ONE, TWO], theirs, LAYOUT, "h1")
    assert [one.record for one in todo] == [LAYOUT.record(TWO.id)]
    assert refused == {ONE.id: "h2"}
    for text in (codec.encode(ONE), "spoilt"):
        (change,), refused = changes([ONE], {RECORD: Entry(text, 7, False)}, LAYOUT, "h1")
        assert change.revision == 7
        assert change.puts == LAYOUT.entries(ONE)
        assert refused == {}


def test_batches_are_what_etcd_takes_at_once_and_lose_nothing():
    todo, _ = changes(
        [replace(ONE, id=f"h1:c{number}:1") for number in range(100)], {}, LAYOUT, "h1"
    )
    found = list(batches(todo))
    assert [len(batch) for batch in found] == [42, 42, 16]
    assert [change for batch in found for change in batch] == todo
    assert list(batches([])) == []


def test_belongings_are_the_records_in_a_host_s_name_and_their_leaves():
    keys = {**LAYOUT.entries(ONE), **LAYOUT.entries(replace(TWO, host="h2"))}
    keys |= {LAYOUT.host("h1"): "{}", "/a/services/web/h1:by:1": "10.0.0.1:1"}
    assert belongings(keys, LAYOUT, "h1") == list(LAYOUT.entries(ONE))
