"""A host's session over v3: what becomes of its entries, whatever happens to it or to etcd."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.registry.v3 import writer as writing
from arpanet_etcd.registry.v3.store import V3Store
from arpanet_etcd.registry.v3.writer import V3Writer
from urllib3.exceptions import ProtocolError

from tests.conftest import wait_for
from tests.services.etcd.hosts import H1, H2, TWIN, Reader, instance, instances, never_without


@pytest.fixture
def gateway(one_etcd):
    return one_etcd.gateway


@pytest.fixture
def alone(clusters):
    """An etcd that nobody else writes to: leases of earlier tests run out in the common one."""
    return clusters(1)


def revision(gateway):
    return gateway.range("/healthy").revision


def test_fifty_keepalives_write_nothing(alone, layout, monkeypatch):
    gateway = alone.gateway
    monkeypatch.setattr(writing, "AUDIT", 0.0)  # each looks at its keys, too
    writer = V3Writer(gateway, layout, H1, 15)
    writer.refresh()
    writer.write(instances(10))
    before = revision(gateway)
    for _ in range(50):
        writer.refresh()
        writer.write(instances(10))
    assert revision(gateway) == before


def test_publish_writes_differences_in_one_transaction(alone, connect):
    gateway = alone.gateway
    session = connect(alone).session(H1)
    reader = Reader(connect(alone))
    session.publish(instances(20))
    reader.sees(*instances(20))
    before, told = revision(gateway), len(reader.heard)
    changed = [*instances(18), instance(18, port=9000), instance(30)]
    session.publish(changed)
    reader.sees(*changed)
    assert revision(gateway) == before + 1
    assert len(reader.heard) == told + 1


def test_three_hundred_instances_take_a_few_transactions(alone, connect):
    gateway = alone.gateway
    session = connect(alone).session(H1)
    reader = Reader(connect(alone))
    wait_for(lambda: session.trouble == "")
    before = revision(gateway)
    session.publish(instances(300))
    reader.sees(*instances(300))
    assert revision(gateway) - before == 900 // 126 + 1
    session.publish([])
    reader.sees()
    assert session.trouble == ""


def test_a_new_time_to_live_is_taken_up_with_the_entries_there_all_along(
    one_etcd, layout, connect, gateway
):
    session = connect(one_etcd, ttl=2).session(H1)
    reader = Reader(connect(one_etcd))
    session.publish(instances(3))
    reader.sees(*instances(3))
    old = gateway.get(layout.host("h1")).lease
    session.close()
    with never_without(reader, *(one.id for one in instances(3))):
        connect(one_etcd, ttl=60).session(H1).publish(instances(3))
        wait_for(lambda: gateway.lease_keys(old) is None, 10)
        kept = gateway.range(layout.root).kvs.values()
        assert {gateway.keepalive(one.lease) for one in kept} == {60}
        reader.sees(*instances(3))


AGENT = """
import sys, time
from arpanet_etcd.registry.registry import open_registry
from tests.services.etcd.hosts import H1, instances
session = open_registry([sys.argv[1]], sys.argv[2], ttl=int(sys.argv[3])).session(H1)
session.publish(instances(3))
time.sleep(60)
"""


def start_agent(cluster, layout, ttl):
    arguments = [cluster.endpoints[0], layout.root.rstrip("/"), str(ttl)]
    return subprocess.Popen([sys.executable, "-c", AGENT, *arguments])


def test_a_new_agent_takes_over_without_a_flicker(one_etcd, connect, layout, gateway):
    reader = Reader(connect(one_etcd))
    agent = start_agent(one_etcd, layout, 3)
    reader.sees(*instances(3))
    since = revision(gateway)
    agent.kill()
    agent.wait(60)
    session = connect(one_etcd, ttl=3).session(H1)
    wait_for(lambda: session.trouble == "")
    with never_without(reader, "h1:c0:80", "h1:c1:80"):
        time.sleep(4)  # longer than the time to live: it is the new one that holds them
        session.publish([*instances(2), instance(7)])
        reader.sees(*instances(2), instance(7))
    deleted = []
    with gateway.watch(layout.root, wire.prefix_end(layout.root), since + 1) as watch:
        for at, events in watch:
            deleted += [event.key for event in events if event.value is None]
            if deleted and at >= revision(gateway):
                break
    assert {layout.parse(key).id for key in deleted} == {"h1:c2:80"}


def test_a_dead_host_takes_its_entries_with_it(one_etcd, connect, layout):
    reader = Reader(connect(one_etcd))
    connect(one_etcd).session(H2).publish([instance(0, "h2")])
    agent = start_agent(one_etcd, layout, 2)
    reader.sees(*instances(3), instance(0, "h2"))
    agent.kill()
    agent.wait(60)
    reader.sees(instance(0, "h2"), within=6)
    assert set(reader.last.hosts) == {"h2"}


def test_a_revoked_lease_is_restored(one_etcd, connect, layout, gateway):
    session = connect(one_etcd, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    gateway.revoke(gateway.get(layout.host("h1")).lease)
    reader.sees()
    reader.sees(*instances(3), within=3)


def test_entries_withdrawn_under_a_living_session_come_back(one_etcd, connect):
    session = connect(one_etcd, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    connect(one_etcd).withdraw("h1")
    session.publish(instances(4))  # finds it out at once, by its lease
    reader.sees(*instances(4), within=3)


def test_what_others_do_to_the_entries_is_put_right(
    one_etcd, connect, layout, gateway, monkeypatch
):
    monkeypatch.setattr(writing, "AUDIT", 0.0)
    connect(one_etcd, ttl=3).session(H1).publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    leaf = list(layout.entries(instance(0)))[1]
    gateway.delete(leaf)
    gateway.delete(layout.record("h1:c1:80"))
    gateway.put(layout.record("h1:c2:80"), '{"host": "h1", "ip": "10.9.9.9", "port": 1}')
    wait_for(lambda: reader.last.instances["h1:c2:80"].ip == "10.9.9.9")
    reader.sees(*instances(3), within=4)
    wait_for(lambda: gateway.get(leaf), 4)
    gateway.delete(layout.host("h1"))
    wait_for(lambda: gateway.get(layout.host("h1")), 4)
    reader.sees(*instances(3))


def test_a_wiped_etcd_is_filled_again(clusters, connect, layout):
    cluster = clusters(1)
    session = connect(cluster, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(cluster))
    reader.sees(*instances(3))
    cluster.wipe()
    wait_for(lambda: cluster.gateway.get(layout.record("h1:c2:80")), 10)
    reader.sees(*instances(3))
    wait_for(lambda: session.trouble == "")


def test_a_twin_waits_until_the_name_is_free(one_etcd, connect):
    first = connect(one_etcd, ttl=2)
    first.session(H1).publish(instances(1))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(1))
    twin = connect(one_etcd, ttl=2).session(TWIN)
    twin.publish([instance(5)])
    wait_for(lambda: "HOSTNAME h1 is taken by the host at 10.0.0.1" in twin.trouble)
    reader.sees(*instances(1))
    first.close()
    reader.sees(instance(5), within=6)
    wait_for(lambda: twin.trouble == "")


def test_an_instance_id_of_another_host_is_refused_and_the_rest_published(one_etcd, connect):
    first = connect(one_etcd, ttl=2)
    first.session(H1).publish([instance(0)])
    reader = Reader(connect(one_etcd))
    reader.sees(instance(0))
    stolen = instance(0, "h1", 9999)
    taken = type(stolen)(**{**vars(stolen), "host": "h2"})
    second = connect(one_etcd, ttl=3).session(H2)
    second.publish([taken, instance(1, "h2")])
    reader.sees(instance(0), instance(1, "h2"))
    wait_for(lambda: "h1:c0:80 belongs to host h1" in second.trouble)
    first.close()
    reader.sees(taken, instance(1, "h2"), within=8)
    wait_for(lambda: second.trouble == "")


class Deaf(V3Store):
    """The answers to its first transactions get lost."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sent, post = [], self.gateway.post

        def lossy(endpoint, path, body, timeout):
            answer = post(endpoint, path, body, timeout)
            if path == "kv/txn" and body["success"] and body["compare"]:
                self.sent.append(body)
                if len(self.sent) in (1, 2):
                    raise ProtocolError("cut")
            return answer

        self.gateway.post = lossy


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(alone, layout):
    gateway = alone.gateway
    store = Deaf(alone.endpoints, layout)
    writer = store.writer(H1, 15)
    before = revision(gateway)
    with pytest.raises(wire.Unanswered):
        writer.refresh()
    writer.refresh()  # the host's record is there; it is taken over
    with pytest.raises(wire.Unanswered):
        writer.write(instances(3))
    writer.refresh()
    writer.write(instances(3))
    assert len(store.sent) == 2
    assert revision(gateway) == before + 2


def test_an_older_session_yields_to_a_newer_one(one_etcd, connect, monkeypatch):
    monkeypatch.setattr(writing, "AUDIT", 0.0)
    older = connect(one_etcd, ttl=3).session(H1)
    older.publish(instances(2))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(2))
    registry = connect(one_etcd, ttl=3)
    registry.session(replace(H1, address="10.0.0.9")).publish([instance(2)])
    wait_for(lambda: "taken by the host at 10.0.0.9" in older.trouble)
    reader.sees(instance(2))
    told = len(reader.heard)
    older.publish(instances(3))
    time.sleep(2)
    assert len(reader.heard) == told
    registry.close()
    reader.sees(*instances(3), within=8)
