"""What becomes of the entries when the store is wiped, restored, full, or behind one's back."""

import shutil

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.registry.registry import open_registry
from arpanet_etcd.registry.store import WentBack
from arpanet_etcd.registry.v3.store import V3Store

from tests.conftest import wait_for
from tests.services.etcd.hosts import (
    H1,
    H2,
    Reader,
    instance,
    instances,
    never_without,
    unconfirmed,
)

ALL = [one.id for one in instances(2)]


def settled(cluster, layout, host="h1"):
    """Wait until *host* has said that what is listed is all."""
    key = layout.host(host)

    def said():
        found = cluster.gateway.get(key)
        return found and '"listed":0' not in found.value

    wait_for(said)


def test_restored_from_an_old_snapshot_nothing_is_lost_and_nothing_comes_back(
    clusters, connect, layout, tmp_path
):
    cluster = clusters(1)
    session = connect(cluster).session(H1)
    session.publish([instance(8), instance(9)])
    settled(cluster, layout)
    cluster.save(tmp_path / "backup.db")
    session.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    for _ in range(20):
        cluster.gateway.put("/other", "x")
    with never_without(reader, *ALL):
        cluster.restore(tmp_path / "backup.db")
        reader.sees(*instances(2), within=20)
    wait_for(lambda: session.trouble == "")
    assert {one.id for one in connect(cluster).read().instances.values()} == set(ALL)


def test_a_store_that_was_put_back_is_noticed_though_it_got_further_meanwhile(
    clusters, layout, tmp_path
):
    """As when the disks of all masters are restored, and hosts write before a reader is back."""
    cluster = clusters(1)
    (member,) = cluster.members
    store = V3Store(cluster.endpoints, layout)
    store.gateway.put(layout.host("h1"), "1")
    member.kill()
    shutil.copytree(member.place, tmp_path / "earlier")
    cluster.start()
    store.gateway.put(layout.host("h1"), "2")
    position = store.listing().position
    store.changes(position).close()  # so it goes on
    member.kill()
    shutil.rmtree(member.place)
    shutil.copytree(tmp_path / "earlier", member.place)
    cluster.start()
    for _ in range(5):
        store.gateway.put(layout.host("h1"), "3")
    assert position.goes_on(store.listing().position)
    with pytest.raises(WentBack):
        store.changes(position)
    store.close()


def test_a_moment_that_is_forgotten_is_proved_by_a_key_that_has_not_changed(clusters, layout):
    store = V3Store(clusters(1).endpoints, layout)
    for name in ("h1", "h2"):
        store.gateway.put(layout.host(name), "1")
    position = store.listing().position
    for name, proved in (("h1", True), ("h2", False)):
        now = store.gateway.put(layout.host(name), "2")
        store.gateway.call("kv/compaction", {"revision": str(now), "physical": True})
        assert store.remembers(position) is proved
    store.close()


def test_all_keys_deleted_by_hand_come_back_and_nobody_loses_anything(clusters, connect, layout):
    cluster = clusters(1)
    session = connect(cluster, ttl=3).session(H1)
    session.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    with never_without(reader, *ALL):
        cluster.gateway.delete("/", wire.prefix_end("/"))
        reader.sees(*unconfirmed(2))
        session.publish(instances(2))
        reader.sees(*instances(2))


def test_a_follower_that_begins_anew_after_a_wipe_begins_with_what_it_knew(
    clusters, connect, layout, tmp_path
):
    cluster, state = clusters(1), tmp_path / "state.json"
    session = connect(cluster).session(H1)
    session.publish(instances(2))

    def follower():
        path = layout.root.rstrip("/")
        return open_registry(cluster.endpoints, path, state=state, seed="h3")

    registry = follower()
    Reader(registry).sees(*instances(2))
    registry.close()
    session.close()
    cluster.members[0].kill()
    registry = follower()
    reader = Reader(registry)
    wait_for(lambda: reader.last.instances == {one.id: one for one in unconfirmed(2)})
    assert reader.follower.trouble
    registry.close()
    cluster.wipe(as_another=True)
    registry = follower()
    reader = Reader(registry)
    reader.sees(*unconfirmed(2))
    connect(cluster).session(H1).publish(instances(1))
    reader.sees(*instances(1))
    assert len(reader.heard[0][1].instances) == 2
    registry.close()


def test_withdrawn_while_history_was_compacted_it_is_gone(clusters, connect, layout):
    cluster = clusters(1)
    first, second = connect(cluster, ttl=3), connect(cluster)
    first.session(H1).publish(instances(2))
    session = second.session(H2)
    session.publish([instance(8, "h2", 9008), instance(9, "h2", 9009)])
    reader = Reader(connect(cluster))
    reader.sees(*instances(2), instance(8, "h2", 9008), instance(9, "h2", 9009))
    cluster.members[0].pause()
    wait_for(lambda: reader.follower.trouble, 30)
    cluster.members[0].resume()
    first.close()  # its lease runs out
    session.publish([instance(8, "h2", 9008)])
    store = V3Store(cluster.endpoints, layout)
    wait_for(lambda: len(store.listing().texts) == 2, 20)
    now = store.listing().position.revision
    store.gateway.call("kv/compaction", {"revision": str(now), "physical": True})
    reader.sees(*unconfirmed(2), instance(8, "h2", 9008), within=30)


def fill(cluster):
    gateway, number = cluster.gateway, 0
    with pytest.raises(EtcdError) as full:
        while True:
            gateway.put(f"/ballast/{number}", "x" * 500_000)
            number += 1
    assert wire.full(full.value)


def test_out_of_space_deletions_go_through_and_what_stays_is_right_afterwards(
    clusters, connect, layout
):
    cluster = clusters(1, flags=["--quota-backend-bytes", "8000000"])
    session = connect(cluster).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(cluster))
    reader.sees(*instances(3))
    settled(cluster, layout)
    fill(cluster)
    session.publish([instance(0), instance(7)])
    gone = unconfirmed(3)[1:]
    reader.sees(instance(0), *gone)  # it can't say so: who still answers is found by dialling
    assert cluster.gateway.get(layout.record("h1", "h1:c1:80")) is None
    assert cluster.gateway.get(layout.leaf("web-1", "h1:c1:80")) is None
    wait_for(lambda: "space" in session.trouble)
    cluster.gateway.delete("/ballast/", wire.prefix_end("/ballast/"))
    revision = cluster.gateway.range("/").revision
    cluster.gateway.call("kv/compaction", {"revision": str(revision), "physical": True})
    cluster.defragment()
    assert cluster.gateway.put("/x", "there is space again")
    reader.sees(instance(0), instance(7), within=15)
    wait_for(lambda: session.trouble == "")
