"""Keys and values made into snapshots: what is withdrawn goes, what vanished stays."""

import logging
import sys
from dataclasses import replace

import pytest
from arpanet_etcd.registry import lost
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.view import View

from arpanet import codec
from arpanet.records import Difference, Host, Instance, Snapshot

LAYOUT = Layout("/a")
REDIS = Instance("h1:r0:1", ("redis", "cache"), "h1", "10.0.0.1", 1000)
WEB = Instance("h1:w0:1", ("web",), "h1", "10.0.0.1", 1001)
FAR = Instance("h2:w0:1", ("web",), "h2", "10.0.0.2", 1001)
HOST = Host("h1", "10.0.0.1", "engine")


def host(name="h1", listed=7, started=0.0):
    record = replace(HOST, name=name, listed=listed, started=started)
    return {LAYOUT.host(name): codec.encode(record)}


def record(*instances):
    return {LAYOUT.record(one.host, one.id): codec.encode(one) for one in instances}


def former(*instances):
    return {LAYOUT.former(one.id): codec.encode(one) for one in instances}


def gone(*texts):
    return {key: None for each in texts for key in each}


H1 = {**host(), **record(REDIS, WEB)}
H2 = {**host("h2"), **record(FAR)}


def test_no_text_is_kept():
    texts = {key: text.encode().decode() for key, text in {**H1, **H2}.items()}
    counts = {key: sys.getrefcount(texts[key]) for key in texts}
    made = View(LAYOUT)
    made.replace(texts)
    assert made.snapshot().instances.keys() == {REDIS.id, WEB.id, FAR.id}
    assert {key: sys.getrefcount(texts[key]) for key in texts} == counts


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view(clock):
    made = View(LAYOUT, clock)
    made.replace({**H1, **H2})
    assert shown(made) == {REDIS.id: True, WEB.id: True, FAR.id: True}
    return made


def shown(view):
    """Instance id -> whether it is confirmed."""
    return {key: not one.unconfirmed for key, one in view.snapshot().instances.items()}


def step(view, *changes):
    view.apply([pair for each in changes for pair in each.items()])
    return shown(view)


ALL_SURE = {REDIS.id: True, WEB.id: True, FAR.id: True}
H1_LOST = {REDIS.id: False, WEB.id: False, FAR.id: True}

# -- while it watches ----------------------------------------------------------------------------


def test_withdrawn_with_a_new_number_it_goes_at_once(view):
    assert step(view, gone(record(WEB)), host(listed=8)) == {REDIS.id: True, FAR.id: True}


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_within_a_step_does_not_matter(view, order):
    changes = [gone(record(WEB)), host(listed=8)][::order]
    assert step(view, *changes) == {REDIS.id: True, FAR.id: True}


def test_a_lease_that_runs_out_or_is_revoked_takes_nothing_with_it(view):
    assert step(view, gone(H1)) == H1_LOST
    assert view.snapshot().hosts.keys() == {"h2"}
    assert view.snapshot().services()["redis"] == (replace(REDIS, unconfirmed=True),)
    # the host comes back: first its record, which says nothing yet, then its entries
    assert step(view, host(listed=0)) == H1_LOST
    assert step(view, record(REDIS)) == {REDIS.id: True, WEB.id: False, FAR.id: True}
    assert step(view, host(listed=9)) == {REDIS.id: True, FAR.id: True}


def test_a_wipe_of_all_keys_takes_nothing_with_it(view):
    assert step(view, gone(H1, H2)) == dict.fromkeys(ALL_SURE, False)


def test_deleted_by_hand_it_stays_until_it_is_put_back(view):
    assert step(view, gone(record(WEB))) == {**ALL_SURE, WEB.id: False}
    assert step(view, record(WEB)) == ALL_SURE
    assert step(view, gone(host())) == ALL_SURE
    assert step(view, host()) == ALL_SURE


def test_deleted_where_etcd_is_full_it_goes_once_its_host_can_say_so(view):
    assert step(view, gone(record(WEB))) == {**ALL_SURE, WEB.id: False}
    assert step(view, host(listed=8)) == {REDIS.id: True, FAR.id: True}


def test_a_host_that_stops_withdraws_everything_its_record_last(view):
    assert step(view, gone(record(WEB, REDIS)), host(listed=8)) == {FAR.id: True}
    assert step(view, gone(host())) == {FAR.id: True}


def test_a_session_that_takes_a_living_lease_over_says_nothing_new(view):
    step(view, gone(record(WEB)))
    again = {LAYOUT.host("h1"): codec.encode(replace(HOST, listed=7, started=5.0))}
    assert step(view, again) == {**ALL_SURE, WEB.id: False}


def test_what_can_not_be_read_any_more_has_vanished(view):
    assert step(view, {LAYOUT.record("h1", WEB.id): "{"}) == {**ALL_SURE, WEB.id: False}
    assert step(view, record(WEB)) == ALL_SURE


# -- after it was away ---------------------------------------------------------------------------


def test_listed_anew_what_a_living_host_lists_is_all_it_has(view):
    view.replace({**host(listed=8), **record(REDIS), **H2})
    assert shown(view) == {REDIS.id: True, FAR.id: True}


def test_listed_anew_without_a_new_number_it_has_vanished(view):
    view.replace({**host(), **record(REDIS), **H2})
    assert shown(view) == {**ALL_SURE, WEB.id: False}


def test_listed_anew_what_was_deleted_by_hand_has_vanished_unless_its_host_withdrew_since(view):
    """A list tells no order: a number that was said meanwhile covers what was deleted after it."""
    view.replace({**host(listed=8), **record(REDIS, WEB), **H2})
    view.replace({**host(listed=8), **record(REDIS), **H2})
    assert shown(view) == {**ALL_SURE, WEB.id: False}
    assert step(view, record(WEB)) == ALL_SURE
    view.replace({**host(listed=9), **record(REDIS), **H2})
    assert shown(view) == {REDIS.id: True, FAR.id: True}
    assert step(view, record(WEB)) == ALL_SURE


def test_listed_anew_without_its_host_it_has_vanished(view):
    view.replace(H2)
    assert shown(view) == H1_LOST
    view.replace({})
    assert shown(view) == dict.fromkeys(ALL_SURE, False)
    assert view.snapshot().hosts == {}


# -- another store -------------------------------------------------------------------------------


def test_formed_anew_everything_stays_until_its_host_has_said_what_it_has(view):
    view.replace({}, goes_on=False)
    assert shown(view) == dict.fromkeys(ALL_SURE, False)
    assert step(view, host(listed=0), record(REDIS)) == {**H1_LOST, REDIS.id: True, FAR.id: False}
    assert step(view, host(listed=9)) == {REDIS.id: True, FAR.id: False}


def test_formed_anew_who_has_written_already_is_believed(view):
    view.replace({**host(listed=9), **record(REDIS)}, goes_on=False)
    assert shown(view) == {REDIS.id: True, FAR.id: False}


def test_restored_from_a_backup_the_old_entries_prove_nothing(view):
    old = replace(WEB, id="h1:old:1", port=99)
    step(view, host(listed=8))
    view.replace({**host(listed=7), **record(REDIS, old)}, goes_on=False)
    assert shown(view) == {REDIS.id: False, WEB.id: False, FAR.id: False, old.id: False}
    # its host finds out, takes back what is not so, and says what it has
    assert step(view, gone(record(old)), record(WEB), host(listed=9)) == {
        REDIS.id: True,
        WEB.id: True,
        FAR.id: False,
    }


def test_restored_from_a_backup_a_host_that_begins_anew_proves_nothing_with_its_old_number(view):
    """Its agent took over the lease of then, and has not yet compared what there is."""
    old = replace(WEB, id="h1:old:1", port=99)
    step(view, host(listed=8))
    view.replace({**host(listed=7), **record(REDIS, old)}, goes_on=False)
    doubted = {REDIS.id: False, WEB.id: False, FAR.id: False, old.id: False}
    assert step(view, host(listed=7, started=5.0)) == doubted
    assert step(view, record(WEB), host(listed=9, started=5.0)) == {
        REDIS.id: True,
        WEB.id: True,
        FAR.id: False,
        old.id: True,
    }


def test_restored_from_a_backup_of_just_now_nothing_is_in_doubt(view):
    view.replace({**H1, **H2}, goes_on=False)
    assert shown(view) == ALL_SURE


# -- what ends it --------------------------------------------------------------------------------


def test_an_address_that_another_has_taken_is_gone(view):
    step(view, gone(H1))
    new = Instance("h3:x:1", ("other",), "h3", REDIS.ip, REDIS.port)
    assert step(view, record(new)) == {WEB.id: False, FAR.id: True, new.id: True}
    assert "redis" not in view.snapshot().services()
    assert step(view, gone(record(new))) == {WEB.id: False, FAR.id: True, new.id: False}


def test_what_vanishes_from_an_address_that_another_has_is_gone(view):
    new = Instance("h3:x:1", ("other",), "h3", REDIS.ip, REDIS.port)
    step(view, record(new))
    assert step(view, gone(H1)) == {WEB.id: False, FAR.id: True, new.id: True}


def test_after_a_day_it_is_gone(view, clock):
    step(view, gone(H1))
    clock.now += lost.AGE - 1
    assert step(view, host("h3")) == H1_LOST
    clock.now += 2
    assert step(view, host("h4")) == {FAR.id: True}


def test_what_vanishes_once_more_goes_no_later(view, clock):
    step(view, gone(H1))
    clock.now += lost.AGE / 2
    step(view, gone(H2))
    assert step(view, record(REDIS), gone(record(REDIS)))[REDIS.id] is False
    clock.now += lost.AGE / 2 + 1
    assert WEB.id not in step(view, host("h3"))


def test_there_are_not_too_many(view, monkeypatch):
    monkeypatch.setattr(lost, "COUNT", 1)
    step(view, gone(H2))
    assert step(view, gone(H1)).keys() < {REDIS.id, WEB.id}


# -- former versions, and others' leaves ---------------------------------------------------------


def test_a_former_version_s_entries_are_read_and_go_when_it_deletes_them():
    view = View(LAYOUT)
    view.replace({**host(listed=0), **former(REDIS, WEB)})
    assert shown(view) == {REDIS.id: True, WEB.id: True}
    assert step(view, gone(former(WEB))) == {REDIS.id: True}
    assert step(view, gone(former(REDIS), host())) == {REDIS.id: False}


def test_a_former_version_s_keys_give_way_without_a_gap():
    view = View(LAYOUT)
    view.replace({**host(listed=0), **former(REDIS)})
    before = view.snapshot()
    step(view, record(REDIS))
    step(view, gone(former(REDIS)))
    assert view.snapshot().instances == before.instances
    step(view, host(listed=7))
    assert step(view, gone(record(REDIS)), host(listed=8)) == {}


def test_leaves_without_a_record_stand_for_themselves_until_there_is_one():
    view = View(LAYOUT)
    record_key, *leaves = LAYOUT.entries(REDIS)
    for leaf in leaves:
        view.apply([(leaf, "10.0.0.1:1000")])
    minimal = Instance("h1:r0:1", ("cache", "redis"), "h1", "10.0.0.1", 1000)
    assert view.snapshot().instances == {REDIS.id: minimal}
    view.apply([(record_key, codec.encode(REDIS))])
    assert view.snapshot().instances == {REDIS.id: REDIS}
    step(view, gone(record(REDIS)), host(listed=3))
    view.apply([(leaves[0], None)])
    assert view.snapshot().services().keys() == {"cache"}
    view.replace({}, goes_on=False)
    assert shown(view) == {REDIS.id: False}


def test_spellings_that_mean_one_leaf_do_no_harm():
    view = View(LAYOUT)
    right, *others = ["/a/services/web/x", "/a/services/w%65b/x", "/a/services/we%62/%78"]
    view.replace(dict.fromkeys([others[0], right, others[1]], "10.0.0.1:1"))
    for key in others:
        assert view.snapshot().services().keys() == {"web"}
        view.apply([(key, None)])
    assert view.snapshot().services().keys() == {"web"}
    view.apply([(right, None)])
    assert view.snapshot() == Snapshot()


# -- what others do ------------------------------------------------------------------------------


def test_one_id_at_two_hosts_is_told_apart_and_stays_with_whom_it_names(view):
    theirs = replace(REDIS, host="a0", ip="10.9.9.9")
    step(view, record(theirs))
    assert view.snapshot().instances[REDIS.id] == REDIS
    assert view.snapshot().instances[f"a0/{REDIS.id}"].ip == "10.9.9.9"
    step(view, gone(record(theirs)), host("a0"))
    assert shown(view) == ALL_SURE


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '{"ip": "10.0.0.1", "port": 1, "host": "h1", "started": 1' + "0" * 400 + "}",
        '{"ip": "10.0.0.1", "port": 1, "host": "h1", "x": "' + "x" * 10_000_000 + '"}',
        codec.encode(replace(WEB, host="h2")),
        codec.encode(replace(WEB, ip="127.0.0.1")),
        codec.encode(replace(WEB, ip="::ffff:10.0.0.1")),
        codec.encode(replace(WEB, ip="169.254.169.254")),
        codec.encode(replace(WEB, ip="fe80::1")),
        codec.encode(replace(WEB, ip="0.0.0.0")),
    ],
)
def test_a_record_that_makes_no_sense_harms_only_itself_and_is_logged_once(text, caplog):
    caplog.set_level(logging.WARNING)
    view = View(LAYOUT)
    good = {**host(), **record(REDIS), LAYOUT.host("h9"): "[]"}
    for _ in range(3):
        view.replace({**good, LAYOUT.record("h1", WEB.id): text})
        assert shown(view).keys() == {REDIS.id}
    assert sum("/a/hosts/h9" in line for line in caplog.messages) == 1
    assert max(map(len, caplog.messages)) < 300


def test_a_record_of_a_later_version_is_read():
    view = View(LAYOUT)
    text = codec.encode(WEB).replace("{", '{"weight": {"new": [1]},', 1)
    view.replace({LAYOUT.record("h1", WEB.id): text})
    assert view.snapshot().instances == {WEB.id: WEB}


# -- what it costs -------------------------------------------------------------------------------


def test_nothing_new_is_the_very_same_snapshot(view):
    before = view.snapshot()
    view.replace({**H1, **H2})
    step(view, host(listed=8))
    assert view.snapshot() is before


def test_a_change_shares_what_did_not_change_and_tells_what_did(view):
    before = view.snapshot()
    step(view, record(replace(WEB, health="healthy")))
    after = view.snapshot()
    assert after.instances[REDIS.id] is before.instances[REDIS.id]
    assert after.services()["redis"] is before.services()["redis"]
    assert after.services() == Snapshot(after.instances).services()
    assert after.diff(before) == Difference(frozenset({WEB.id}), frozenset({"web"}))
    step(view, gone(H2))
    assert view.snapshot().diff(after) == Difference(
        frozenset({FAR.id}), frozenset({"web"}), frozenset({"h2"})
    )


def test_what_is_remembered_begins_unconfirmed(view):
    step(view, gone(record(WEB)))
    later = View(LAYOUT)
    later.restore(view.known())
    assert shown(later) == dict.fromkeys(ALL_SURE, False)
    later.replace({**host(), **record(REDIS), **H2})
    assert shown(later) == {**ALL_SURE, WEB.id: False}
    later.restore(view.known())
    later.replace({**host(listed=8), **record(REDIS), **H2})
    assert shown(later) == {REDIS.id: True, FAR.id: True}
