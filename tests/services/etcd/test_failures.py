"""Masters that die, hang, forget and come back, under a session and a mirror over v3."""

import time

import pytest
from arpanet_etcd.registry.v3.store import V3Store

from arpanet.errors import RegistryUnreachable
from tests.conftest import SLOW, wait_for
from tests.services.etcd.hosts import H1, H2, Reader, instance, instances, never_without


def run_through(cluster, connect, accident, seconds=5.0):
    """Publish steadily while *accident* happens; return the longest silence, in seconds."""
    session = connect(cluster).session(H1)
    connect(cluster).session(H2).publish([instance(0, "h2")])
    reader = Reader(connect(cluster))
    reader.sees(instance(0, "h2"))
    published, begun = [], time.monotonic()
    accidents = [accident]
    with never_without(reader, "h2:c0:80"):
        while time.monotonic() < begun + seconds:
            published.append(instance(len(published)))
            session.publish(published)
            if accidents and time.monotonic() > begun + 1:
                accidents.pop()()
            time.sleep(0.05)
        reader.sees(*published, instance(0, "h2"), within=20)
    counts = [len(snapshot.instances) for _, snapshot in reader.heard]
    assert counts == sorted(counts), "an instance was lost on the way"
    wait_for(lambda: session.trouble == "")
    measured = f"gap {reader.gap():.2f} s, {len(published)} published, {len(counts)} states heard"
    print(measured)  # noqa: T201 -- shown by pytest -rP
    return reader.gap()


def test_the_leader_is_killed(clusters, connect):
    cluster = clusters(3)
    leader = cluster.leader()
    assert run_through(cluster, connect, leader.kill) < 5 * SLOW


def test_a_follower_is_killed(clusters, connect):
    cluster = clusters(3)
    follower = cluster.followers()[0]
    cluster.members.sort(key=lambda one: one is not follower)  # the one that clients ask first
    assert run_through(cluster, connect, follower.kill) < 4


def test_the_leader_hangs(clusters, connect):
    cluster = clusters(3)
    leader = cluster.leader()
    cluster.members.sort(key=lambda one: one is not leader)
    # the mirror watches it: eight quiet seconds are needed to doubt it, and two to leave it
    assert run_through(cluster, connect, leader.pause, 6) < 12 * SLOW


def test_an_endpoint_that_hangs_from_the_beginning(clusters, connect):
    cluster = clusters(3)
    first = cluster.followers()[0]
    cluster.members.sort(key=lambda one: one is not first)
    first.pause()
    begun = time.monotonic()
    session, registry = connect(cluster).session(H1), connect(cluster)
    assert registry.read().instances == {}
    assert time.monotonic() - begun < 3 * SLOW
    session.publish(instances(2))
    Reader(registry).sees(*instances(2), within=6)


def test_without_quorum_readers_keep_what_they_know_and_writers_wait(clusters, connect):
    cluster = clusters(3)
    session, other = connect(cluster).session(H1), connect(cluster)
    session.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    lost = cluster.followers()
    for one in lost:
        one.kill()
    with never_without(reader, "h1:c0:80", "h1:c1:80"):
        with pytest.raises(RegistryUnreachable, match="no master answers"):
            other.read()
        session.publish(instances(4))
        wait_for(lambda: session.trouble, 15)
        wait_for(lambda: reader.follower.trouble, 15)
        assert set(reader.last.instances) == {"h1:c0:80", "h1:c1:80"}
        cluster.start(*lost)
        reader.sees(*instances(4), within=20)
    wait_for(lambda: session.trouble == "")


def test_all_masters_are_gone_for_longer_than_the_time_to_live(clusters, connect):
    cluster, ttl = clusters(1), 2
    session = connect(cluster, ttl=ttl).session(H1)
    session.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    with never_without(reader, "h1:c0:80"):
        cluster.members[0].kill()
        wait_for(lambda: session.trouble and reader.follower.trouble)
        known = time.monotonic()
        wait_for(lambda: time.monotonic() > known + ttl)
        cluster.start()
        session.publish(instances(3))
        reader.sees(*instances(3), within=10)
    wait_for(lambda: session.trouble == "")


def test_history_compacted_while_nobody_listened(clusters, connect, layout):
    cluster = clusters(1)
    writer = connect(cluster).session(H1)
    writer.publish(instances(2))
    reader = Reader(connect(cluster))
    reader.sees(*instances(2))
    store = V3Store(cluster.endpoints, layout)
    cursor = store.listing().position.revision
    cluster.members[0].kill()
    wait_for(lambda: reader.follower.trouble)
    cluster.start()
    writer.publish([instance(1), instance(5)])
    wait_for(lambda: store.gateway.get(layout.record("h1", "h1:c5:80")))
    store.gateway.call("kv/compaction", {"revision": str(cursor + 1), "physical": True})
    reader.sees(instance(1), instance(5))


def test_a_store_restored_to_an_earlier_state(clusters, connect, layout):
    cluster = clusters(1)
    writer = connect(cluster, ttl=3).session(H1)
    writer.publish([])
    reader = Reader(connect(cluster))
    for number in range(20):
        writer.publish([instance(number)])
        reader.sees(instance(number))
    member = cluster.members[0]
    member.kill()
    backup = member.place.rename(member.place.with_name("backup"))
    cluster.start()
    Reader(connect(cluster)).sees(instance(19))
    writer.publish(instances(3))
    reader.sees(*instances(3))
    member.kill()
    member.place.rename(member.place.with_name("late"))
    backup.rename(member.place)
    cluster.start()
    reader.sees(*instances(3), within=15)
    wait_for(lambda: writer.trouble == "")


def test_a_closed_mirror_says_nothing_more_although_masters_come_and_go(clusters, connect):
    cluster = clusters(1)
    session = connect(cluster).session(H1)
    reader, other = Reader(connect(cluster)), Reader(connect(cluster))
    session.publish(instances(1))
    reader.sees(*instances(1))
    reader.follower.close()
    told = len(reader.heard)
    cluster.members[0].kill()
    cluster.start()
    session.publish(instances(2))
    other.sees(*instances(2))
    assert len(reader.heard) == told
