"""Keys and values made into snapshots."""

import logging

import pytest
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.view import View

from arpanet import codec
from arpanet.records import Host, Instance, Snapshot

LAYOUT = Layout("/a")
REDIS = Instance("h1:r0:1", ("redis", "cache"), "h1", "10.0.0.1", 1000)
HOST = Host("h1", "10.0.0.1", "engine")
KEYS = {**LAYOUT.entries(REDIS), LAYOUT.host("h1"): codec.encode(HOST)}


@pytest.fixture
def view():
    return View(LAYOUT)


def test_a_listing_makes_a_snapshot_and_the_next_one_replaces_it(view):
    view.replace({**KEYS, "/a/join/lock": "x"})
    assert view.snapshot() == Snapshot({REDIS.id: REDIS}, {"h1": HOST})
    view.replace({LAYOUT.host("h1"): codec.encode(HOST)})
    assert view.snapshot() == Snapshot({}, {"h1": HOST})
    view.replace({})
    assert view.snapshot() == Snapshot()


def test_changes_are_applied_one_by_one(view):
    for key, text in KEYS.items():
        view.apply(key, text)
    before = view.snapshot()
    for key in KEYS:
        view.apply(key, None)
        view.apply(key, None)
    assert view.snapshot() == Snapshot()
    assert before == Snapshot({REDIS.id: REDIS}, {"h1": HOST})


def test_what_has_not_changed_is_not_read_again(view):
    view.replace(KEYS)
    one = view.snapshot().instances[REDIS.id]
    view.replace(dict(KEYS))
    assert view.snapshot().instances[REDIS.id] is one


def test_leaves_without_a_record_stand_for_themselves_until_there_is_one(view):
    record, *leaves = LAYOUT.entries(REDIS)
    for leaf in leaves:
        view.apply(leaf, "10.0.0.1:1000")
    minimal = Instance("h1:r0:1", ("cache", "redis"), "h1", "10.0.0.1", 1000)
    assert view.snapshot().instances == {REDIS.id: minimal}
    view.apply(record, codec.encode(REDIS))
    assert view.snapshot().instances == {REDIS.id: REDIS}
    view.apply(record, None)
    view.apply(leaves[0], None)
    assert view.snapshot().services().keys() == {"cache"}


def test_what_can_not_be_read_is_left_out_and_logged_once(view, caplog):
    caplog.set_level(logging.WARNING)
    broken = {
        **KEYS,
        "/a/instances/x": "{",
        "/a/services/web/y": "db.example:80",
        "/a/hosts/h2": "[]",
    }
    for _ in range(3):
        view.replace(broken)
        assert view.snapshot() == Snapshot({REDIS.id: REDIS}, {"h1": HOST})
    assert len(caplog.messages) == 3
    assert any("/a/instances/x" in line for line in caplog.messages)
    view.apply("/a/instances/x", codec.encode(Instance("x", (), "h", "10.0.0.3", 1)))
    assert "x" in view.snapshot().instances
