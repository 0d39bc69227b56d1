"""The registry over v2: what its store does otherwise than v3."""

from dataclasses import replace

import etcd
import pytest
from arpanet_etcd.client.wire import Compacted
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.store import Quiet
from arpanet_etcd.registry.v2.store import V2Store
from arpanet_etcd.registry.v2.writer import V2Writer
from arpanet_etcd.registry.v3.store import V3Store

from arpanet.errors import RegistryError, RegistryUnreachable
from tests.conftest import wait_for
from tests.services.etcd.cluster import etcd_version
from tests.services.etcd.hosts import (
    H1,
    H2,
    TWIN,
    Reader,
    instance,
    instances,
    never_without,
    unconfirmed,
)

pytestmark = pytest.mark.skipif(etcd_version() >= (3, 6), reason="etcd 3.6 has no v2")


@pytest.fixture
def store(one_etcd, layout):
    return V2Store(one_etcd.endpoints, layout)


def test_refreshing_is_seen_by_no_watcher(store, monkeypatch):
    monkeypatch.setattr("arpanet_etcd.registry.v2.store.QUIET", 1)
    writer = store.writer(H1, 15)
    writer.refresh()
    writer.write(instances(5))
    heard = []
    with pytest.raises(Quiet):
        for _, changed in store.changes(store.listing().position):
            heard += changed
            if not heard:
                for _ in range(3):
                    writer.refresh()
                    writer.write(instances(5))
    assert heard == []


def test_more_than_the_store_remembers(store):
    writer = store.writer(H1, 15)
    writer.refresh()
    writer.write(instances(1))
    cursor = store.listing().position
    for _ in range(400):  # three refreshes each: v2 remembers the last thousand
        writer.refresh()
    changes = store.changes(cursor)
    writer.write(instances(2))
    with pytest.raises(Compacted):
        for _, changed in changes:
            assert not changed


def test_a_key_deleted_or_changed_by_hand_is_put_right(one_etcd, connect, layout, store):
    session = connect(one_etcd, "v2", ttl=3).session(H1)
    session.publish(instances(2))
    reader = Reader(connect(one_etcd, "v2"))
    reader.sees(*instances(2))
    keys = store.listing().texts.keys()
    host, port = one_etcd.endpoints[0].removeprefix("http://").split(":")
    client = etcd.Client(host=host, port=int(port))
    client.delete(layout.record("h1", "h1:c0:80"))
    client.write(layout.record("h1", "h1:c1:80"), '{"host": "h1", "ip": "10.9.9.9", "port": 1}')
    wait_for(lambda: reader.last.instances["h1:c1:80"].ip == "10.9.9.9")
    reader.sees(*instances(2), within=4)
    client.delete(layout.host("h1"))
    wait_for(lambda: not reader.last.hosts)
    wait_for(lambda: reader.last.hosts, 4)
    deleted = client.delete(layout.root, recursive=True).modifiedIndex
    wait_for(lambda: not session.trouble and store.listing().texts.keys() >= keys, 4)
    assert client.read(layout.record("h1", "h1:c0:80")).createdIndex > deleted
    reader.sees(*instances(2), within=4)


def test_a_dead_host_takes_its_entries_with_it_and_a_twin_takes_over(one_etcd, connect):
    first = connect(one_etcd, "v2", ttl=2)
    session = first.session(H1)
    session.publish(instances(2))
    reader = Reader(connect(one_etcd, "v2"))
    reader.sees(*instances(2))
    twin = connect(one_etcd, "v2", ttl=2).session(TWIN)
    wait_for(lambda: "HOSTNAME h1 is taken" in twin.trouble)
    first.close()
    reader.sees(*unconfirmed(2), within=6)
    wait_for(lambda: twin.trouble == "" and reader.last.hosts == {"h1": TWIN})
    twin.publish([instance(5)])
    reader.sees(instance(5))


def test_a_new_session_takes_over_and_deletes_what_it_does_not_want(one_etcd, connect):
    first = connect(one_etcd, "v2", ttl=3)
    first.session(H1).publish(instances(3))
    reader = Reader(connect(one_etcd, "v2"))
    reader.sees(*instances(3))
    first.close()
    session = connect(one_etcd, "v2", ttl=3).session(H1)
    with never_without(reader, "h1:c0:80", "h1:c1:80"):
        wait_for(lambda: session.trouble == "")
        session.publish(instances(2))
        reader.sees(*instances(2))


def test_an_id_that_two_hosts_give_is_told_apart(one_etcd, connect, layout):
    connect(one_etcd, "v2").session(H1).publish([instance(0)])
    reader = Reader(connect(one_etcd, "v2"))
    reader.sees(instance(0))
    twice = replace(instance(0, port=9999), host="h2")
    second = connect(one_etcd, "v2").session(H2)
    second.publish([twice, instance(1, "h2")])
    reader.sees(instance(0), replace(twice, id=f"h2/{twice.id}"), instance(1, "h2"))
    wait_for(lambda: layout.leaf("web", twice.id) in second.refused.get(twice.id, ""))


def test_masters_are_killed_until_there_is_no_quorum_and_come_back(clusters, connect):
    cluster = clusters(3, v2=True)
    session = connect(cluster, "v2").session(H1)
    session.publish(instances(2))
    reader = Reader(connect(cluster, "v2"))
    reader.sees(*instances(2))
    leader = cluster.leader()
    leader.kill()
    with never_without(reader, "h1:c0:80"):
        session.publish(instances(3))
        reader.sees(*instances(3), within=15)
        other = next(one for one in cluster.members if one is not leader)
        other.kill()
        with pytest.raises(RegistryUnreachable):
            connect(cluster, "v2").read()
        session.publish(instances(4))
        wait_for(lambda: session.trouble, 15)
        cluster.start(leader, other)
        reader.sees(*instances(4), within=20)
    wait_for(lambda: session.trouble == "")


def test_an_etcd_without_v2_says_so(clusters, layout):
    cluster = clusters(1)
    with pytest.raises(RegistryError, match="started with --enable-v2"):
        V2Store(cluster.endpoints, Layout("/x")).listing()


def test_a_lost_answer_is_looked_up(one_etcd, layout, monkeypatch):
    store = V2Store(one_etcd.endpoints, layout)
    writer: V2Writer = store.writer(H1, 15)
    writer.refresh()
    (client,) = store._client._clients.values()
    write, sent, record = client.write, [], layout.record("h1", "h1:c0:80")

    def lossy(key, value, **arguments):
        answer = write(key, value, **arguments)
        if not arguments.get("refresh"):
            sent.append(key)
        if sent == [record] and answer.action == "create":
            raise etcd.EtcdConnectionFailed("cut", cause=ConnectionResetError())
        return answer

    monkeypatch.setattr(client, "write", lossy)
    with pytest.raises(RegistryUnreachable):
        writer.write(instances(1))
    writer.refresh()
    writer.write(instances(1))
    assert sent == [*layout.entries(instance(0)), layout.host("h1")]  # each once


def test_a_master_hangs_under_a_mirror(clusters, connect):
    cluster = clusters(3, v2=True)
    first = cluster.followers()[0]
    cluster.members.sort(key=lambda one: one is not first)
    reader = Reader(connect(cluster, "v2"))
    wait_for(lambda: reader.heard and not reader.follower.trouble)
    first.pause()
    connect(cluster, "v2").session(H1).publish(instances(2))
    reader.sees(*instances(2), within=15)


@pytest.mark.parametrize("kind", [V2Store, V3Store])
def test_a_watch_of_a_future_that_etcd_does_not_know_is_refused(one_etcd, layout, kind):
    store = kind(one_etcd.endpoints, layout)
    with pytest.raises(RegistryError, match="is not in etcd's history"):
        here = store.listing().position
        list(store.changes(here._replace(revision=here.revision + 1000)))
