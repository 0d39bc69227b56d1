"""What a host has to write."""

from dataclasses import replace

import pytest
from arpanet_etcd.registry import diff
from arpanet_etcd.registry.diff import Change, Entry, batches, belongings, changes
from arpanet_etcd.registry.keys import Layout

from arpanet import codec
from arpanet.records import Host, Instance

LAYOUT = Layout("/a")
ONE = Instance("h1:a:1", ("web", "all"), "h1", "10.0.0.1", 1)
TWO = Instance("h1:b:1", ("db",), "h1", "10.0.0.1", 2)
RECORD, WEB, ALL = LAYOUT.entries(ONE)


def known(*instances, revision=5, mine=True, kept=False):
    return {
        key: Entry(text, revision, mine, kept)
        for one in instances
        for key, text in LAYOUT.entries(one).items()
    }


def put(one, revision=0):
    entries = LAYOUT.entries(one)
    return Change(one.id, entries, dict.fromkeys(entries, revision))


def test_nothing_known_everything_is_new():
    assert changes([TWO, ONE], {}, LAYOUT, "h1") == ([put(ONE), put(TWO)], {})


def test_what_is_there_is_left_alone():
    host = {LAYOUT.host("h1"): Entry(codec.encode(Host("h1", "")), 1, True)}
    assert changes([ONE, TWO], {**known(ONE, TWO), **host}, LAYOUT, "h1") == ([], {})


def test_a_changed_instance_is_one_change_and_expects_what_was_seen():
    moved = replace(ONE, port=9, services=("web", "new"))
    (change,), _ = changes([moved], known(ONE), LAYOUT, "h1")
    assert change.puts == LAYOUT.entries(moved)
    assert change.expected == {RECORD: 5, WEB: 5, "/a/services/new/h1:a:1": 0}
    assert change.deletes == [ALL]


def test_what_is_not_wanted_is_deleted_when_it_is_own():
    todo, _ = changes([], known(ONE), LAYOUT, "h1")
    assert todo == [Change(ONE.id, deletes=[RECORD, WEB, ALL])]
    assert changes([], known(ONE, mine=False), LAYOUT, "h1") == ([], {})


def test_a_former_version_s_key_goes_in_one_step_with_today_s():
    former = {LAYOUT.former(ONE.id): Entry(codec.encode(ONE), 3, True)}
    (change,), _ = changes([ONE], former, LAYOUT, "h1")
    assert (list(change.puts), change.deletes) == ([RECORD, WEB, ALL], [LAYOUT.former(ONE.id)])


def test_a_missing_leaf_is_put_back_alone():
    there = known(ONE)
    del there[ALL]
    (change,), _ = changes([ONE], there, LAYOUT, "h1")
    assert (change.puts, change.expected) == ({ALL: ONE.address}, {ALL: 0})


def test_a_leaf_of_another_host_s_session_stays_with_it():
    theirs = {WEB: Entry("10.0.0.9:1", 7, False, kept=True)}
    (change,), refused = changes([ONE], theirs, LAYOUT, "h1")
    assert list(change.puts) == [RECORD, ALL]
    assert "/a/services/web/h1:a:1 is another host's" in refused[ONE.id]


def test_where_masters_write_leaves_a_host_neither_writes_nor_deletes_any():
    records = Layout("/a", leaves=False)
    (change,), _ = changes([ONE], {}, records, "h1")
    assert list(change.puts) == [RECORD]
    assert changes([ONE], known(ONE), records, "h1") == ([], {})
    assert changes([], known(ONE), records, "h1")[0] == [Change(ONE.id, deletes=[RECORD])]
    assert list(belongings({RECORD: codec.encode(ONE)}, records, "h1")) == [RECORD]


def test_a_leaf_that_nobody_keeps_alive_is_taken():
    theirs = {WEB: Entry("10.0.0.9:1", 7, False)}
    (change,), refused = changes([ONE], theirs, LAYOUT, "h1")
    assert change.expected[WEB] == 7
    assert refused == {}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (replace(TWO, services=tuple(map(str, range(200)))), "200 names: 64 are the most"),
        (replace(TWO, services=tuple(map(str, range(10_000)))), "10000 names"),
        (replace(TWO, attrs={"x": "x" * 1_600_000}), "bytes: 200000 are the most"),
        (replace(TWO, services=("x" * 2000,)), "too long for a key"),
        (replace(TWO, services=("\udcff",)), "no text"),
        (replace(TWO, host="h2"), "is of host 'h2'"),
        (replace(TWO, id=""), "no id"),
    ],
)
def test_what_can_not_be_kept_is_refused_alone(bad, why):
    todo, refused = changes([ONE, bad], {}, LAYOUT, "h1")
    assert todo == [put(ONE)]
    assert why in refused[bad.id]
    todo, _ = changes([bad], known(ONE), LAYOUT, "h1")
    assert todo == [Change(ONE.id, deletes=[RECORD, WEB, ALL])]


def test_batches_are_what_etcd_takes_at_once_and_lose_nothing():
    todo, _ = changes(
        [replace(ONE, id=f"h1:c{number}:1") for number in range(100)], {}, LAYOUT, "h1"
    )
    found = list(batches(todo))
    assert [len(batch) for batch in found] == [42, 42, 16]
    assert [change for batch in found for change in batch] == todo
    assert list(batches([])) == []


def test_batches_count_bytes():
    large = [replace(ONE, id=f"h1:c{n}:1", attrs={"x": "x" * 190_000}) for n in range(11)]
    todo, refused = changes(large, {}, LAYOUT, "h1")
    found = list(batches(todo))
    assert refused == {}
    assert [len(batch) for batch in found] == [5, 5, 1]
    assert all(sum(one.size for one in batch) < 1_500_000 for batch in found)


def test_what_only_deletes_comes_first_and_alone():
    todo, _ = changes([replace(ONE, port=7)], known(ONE, TWO), LAYOUT, "h1")
    assert [[bool(one.puts) for one in batch] for batch in batches(todo)] == [[False], [True]]


def test_more_deletions_than_one_transaction_takes_are_taken_apart():
    gone = [f"/a/services/{number}/x" for number in range(200)]
    found = list(batches([Change("x", {"/a/k": "v"}, {"/a/k": 0}, gone)]))
    assert all(sum(one.operations for one in batch) <= diff.OPERATIONS for batch in found)
    assert [key for batch in found for one in batch for key in one.deletes] == gone


def test_belongings_are_the_records_in_a_host_s_name_and_their_leaves():
    theirs = replace(TWO, host="h2")
    texts = {key: text for one in (ONE, theirs) for key, text in LAYOUT.entries(one).items()}
    texts |= {LAYOUT.host("h1"): "{}", "/a/services/web/h1:by:1": "10.0.0.1:1"}
    texts |= {LAYOUT.former(TWO.id): codec.encode(TWO), LAYOUT.record("h1", "spoilt"): "{"}
    assert belongings(texts, LAYOUT, "h1") == {
        **LAYOUT.entries(ONE),
        LAYOUT.former(TWO.id): codec.encode(TWO),
        "/a/services/db/h1:b:1": TWO.address,
        LAYOUT.record("h1", "spoilt"): "{",
    }
