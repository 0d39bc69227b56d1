"""A host's session over v3: what becomes of its entries, whatever happens to it or to etcd."""

import subprocess
import sys
from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.registry import diff
from arpanet_etcd.registry.registry import open_registry
from arpanet_etcd.registry.v3 import writer as writing
from arpanet_etcd.registry.v3.store import V3Store
from arpanet_etcd.registry.v3.writer import V3Writer
from urllib3.exceptions import ProtocolError

from tests.conftest import wait_for
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
from tests.support.stand_in import stand_in


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


def test_publish_writes_differences_what_is_withdrawn_first(alone, connect, layout):
    gateway = alone.gateway
    session = connect(alone).session(H1)
    reader = Reader(connect(alone))
    session.publish(instances(20))
    reader.sees(*instances(20))
    wait_for(lambda: '"listed":0' not in gateway.get(layout.host("h1")).value)
    before, told = revision(gateway), len(reader.heard)
    changed = [*instances(18), instance(18, port=9000), instance(30)]
    session.publish(changed)
    reader.sees(*changed)
    assert revision(gateway) == before + 2
    assert [len(one.instances) for _, one in reader.heard[told:]] == [19, 20]
    assert not any(one.unconfirmed for _, each in reader.heard for one in each.instances.values())


def test_three_hundred_instances_take_a_few_transactions(alone, connect):
    gateway = alone.gateway
    session = connect(alone).session(H1)
    reader = Reader(connect(alone))
    wait_for(lambda: session.trouble == "")
    before = revision(gateway)
    session.publish(instances(300))
    reader.sees(*instances(300))
    wait_for(lambda: revision(gateway) - before == 900 // 126 + 1 + 1)  # and one that says: all
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
        # one that is kept by nobody, as long as the agent's was: it is the new one that holds them
        witness = gateway.grant(3)
        wait_for(lambda: gateway.lease_keys(witness) is None)
        session.publish([*instances(2), instance(7)])
        reader.sees(*instances(2), instance(7))
    deleted, end = [], f"{layout.root}end"
    gateway.put(end, "")
    with gateway.watch(layout.root, wire.prefix_end(layout.root), since + 1) as watch:
        for _, events in watch:
            deleted += [event.key for event in events if event.value is None]
            if any(event.key == end for event in events):
                break
    assert {layout.parse(key).id for key in deleted} == {"h1:c2:80"}


def test_a_dead_host_takes_its_entries_with_it(one_etcd, connect, layout):
    reader = Reader(connect(one_etcd))
    connect(one_etcd).session(H2).publish([instance(0, "h2", 9000)])
    agent = start_agent(one_etcd, layout, 2)
    reader.sees(*instances(3), instance(0, "h2", 9000))
    agent.kill()
    agent.wait(5)
    reader.sees(*unconfirmed(3), instance(0, "h2", 9000), within=6)
    assert set(reader.last.hosts) == {"h2"}


def test_a_revoked_lease_is_restored(one_etcd, connect, layout, gateway):
    session = connect(one_etcd, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    with never_without(reader, *(one.id for one in instances(3))):
        gateway.revoke(gateway.get(layout.host("h1")).lease)
        reader.sees(*unconfirmed(3))
        reader.sees(*instances(3), within=3)


def test_entries_withdrawn_under_a_living_session_come_back(one_etcd, connect):
    session = connect(one_etcd, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    connect(one_etcd).withdraw("h1")
    session.publish(instances(4))  # finds it out at once, by its lease
    reader.sees(*instances(4), within=3)


def test_a_wiped_etcd_is_filled_again(clusters, connect, layout):
    cluster = clusters(1)
    session = connect(cluster, ttl=3).session(H1)
    session.publish(instances(3))
    reader = Reader(connect(cluster))
    reader.sees(*instances(3))
    with never_without(reader, *(one.id for one in instances(3))):
        cluster.wipe()
        wait_for(lambda: cluster.gateway.get(layout.record("h1", "h1:c2:80")), 10)
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
    # the host lists all that it has: what the other one had has gone
    reader.sees(instance(5), within=6)
    wait_for(lambda: twin.trouble == "")


def test_an_id_that_two_hosts_give_is_told_apart_and_its_leaf_stays_with_the_first(
    one_etcd, connect, layout, gateway
):
    first = connect(one_etcd, ttl=2)
    first.session(H1).publish([instance(0)])
    reader = Reader(connect(one_etcd))
    reader.sees(instance(0))
    twice = replace(instance(0, "h1", 9999), host="h2")
    second = connect(one_etcd, ttl=3).session(H2)
    second.publish([twice, instance(1, "h2")])
    both = replace(twice, id=f"h2/{twice.id}")
    reader.sees(instance(0), both, instance(1, "h2"))
    leaf = layout.leaf("web", twice.id)
    wait_for(lambda: leaf in second.refused.get(twice.id, ""))
    assert second.trouble == ""
    assert gateway.get(leaf).value == instance(0).address
    first.close()
    wait_for(lambda: not second.refused, 8)
    assert gateway.get(leaf).value == twice.address


def test_what_is_too_much_is_refused_alone(one_etcd, connect, layout, monkeypatch):
    session = connect(one_etcd).session(H1)
    reader = Reader(connect(one_etcd))
    some = replace(instance(1), services=tuple(f"n{number}" for number in range(200)))
    many = replace(instance(2), services=tuple(f"n{number}" for number in range(10_000)))
    large = replace(instance(3), attrs={"text": "x" * 1_600_000})
    long = replace(instance(4), services=("x" * 3000,))
    session.publish([instance(0), some, many, large, long, instance(5)])
    reader.sees(instance(0), instance(5))
    wait_for(lambda: len(session.refused) == 4)
    assert "200 names" in session.refused[some.id]
    assert "10000 names" in session.refused[many.id]
    assert "1600" in session.refused[large.id]
    assert "too long" in session.refused[long.id]
    session.publish([instance(5)])
    reader.sees(instance(5))
    wait_for(lambda: (session.trouble, session.refused) == ("", {}))


def test_what_only_etcd_finds_too_much_is_found_and_refused_alone(one_etcd, connect, monkeypatch):
    for name in ("SIZE", "BYTES"):  # as if etcd took less than it says
        monkeypatch.setattr(f"arpanet_etcd.registry.diff.{name}", 10_000_000)
    session = connect(one_etcd).session(H1)
    reader = Reader(connect(one_etcd))
    large = replace(instance(3), attrs={"text": "x" * 1_600_000})
    session.publish([*instances(3), large, instance(4)])
    reader.sees(*instances(3), instance(4))
    wait_for(lambda: "too large" in session.refused.get(large.id, ""))
    session.publish([instance(4)])
    reader.sees(instance(4))


def test_a_stuck_agent_lets_its_entries_go(one_etcd, connect):
    moving = [True]
    registry = connect(one_etcd, ttl=2)
    session = registry.session(H1, lambda: moving[0])
    session.publish(instances(2))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(2))
    moving.clear()
    moving.append(False)
    wait_for(lambda: "stuck" in session.trouble)
    reader.sees(*unconfirmed(2), within=6)
    moving[:] = [True]
    reader.sees(*instances(2), within=6)


def test_an_agent_that_fell_silent_is_missed_when_its_hosts_entries_have_run_out(one_etcd, connect):
    moving, registry = [True], connect(one_etcd, ttl=2)
    registry.session(H1, lambda: moving[0]).publish(instances(1))
    registry.presence("h1", "ambassador", lambda: moving[0])
    other, agent = connect(one_etcd), ("h1", "ambassador")
    wait_for(lambda: other.read().hosts and agent in other.silences())
    moving[0] = False
    wait_for(lambda: not other.read().hosts, 8)
    wait_for(lambda: other.silences()[agent] >= 3, 8)
    moving[0] = True
    wait_for(lambda: other.silences()[agent] < 3, 4)


def test_the_keys_of_former_versions_are_taken_over_without_a_gap(
    one_etcd, connect, layout, gateway
):
    lease = gateway.grant(3)
    gateway.put(layout.host("h1"), '{"engine": "engine-1", "address": "10.0.0.1"}', lease)
    for one in instances(3):
        record, *leaves = layout.entries(one).items()
        gateway.put(layout.former(one.id), record[1], lease)
        for leaf, address in leaves:
            gateway.put(leaf, address, lease)
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(3))
    gateway.delete(layout.former("h1:c2:80"))  # as the former version withdraws
    reader.sees(*instances(2))
    with never_without(reader, "h1:c0:80", "h1:c1:80"):
        session = connect(one_etcd, ttl=3).session(H1)
        session.publish(instances(2))
        wait_for(lambda: gateway.get(layout.record("h1", "h1:c1:80")))
        wait_for(lambda: not gateway.get(layout.former("h1:c1:80")))
        reader.sees(*instances(2))
    assert not any(one.unconfirmed for _, each in reader.heard for one in each.instances.values())


def test_a_slave_that_stops_withdraws_everything_also_from_who_kept_it(one_etcd, connect, layout):
    first = connect(one_etcd, ttl=2)
    first.session(H1).publish(instances(2))
    connect(one_etcd).session(H2).publish([instance(0, "h2")])
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(2), instance(0, "h2"))
    other = connect(one_etcd)
    first.close()
    other.withdraw("h1")
    reader.sees(instance(0, "h2"))
    assert not any(one.unconfirmed for _, each in reader.heard for one in each.instances.values())
    assert set(reader.last.hosts) == {"h2"}
    assert other._store.gateway.range(f"{layout.root}services/web-1/").kvs == {}


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
    assert len(store.sent) == 3  # and one that says that this is all
    assert revision(gateway) == before + 3


def test_an_older_session_yields_to_a_newer_one(one_etcd, connect, monkeypatch):
    monkeypatch.setattr(writing, "AUDIT", 0.0)
    rounds = []
    older = connect(one_etcd, ttl=3).session(H1, lambda: rounds.append(None) or True)
    older.publish(instances(2))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(2))
    registry = connect(one_etcd, ttl=3)
    registry.session(replace(H1, address="10.0.0.9")).publish([instance(2)])
    wait_for(lambda: "taken by the host at 10.0.0.9" in older.trouble)
    reader.sees(instance(2))
    told = len(reader.heard)
    older.publish(instances(3))
    tried = len(rounds)
    wait_for(lambda: len(rounds) >= tried + 3)  # two of them are over for certain
    assert len(reader.heard) == told
    registry.close()
    reader.sees(*instances(3), within=8)


def test_a_host_that_only_writes_learns_the_other_masters(clusters, layout):
    """Those that a setting names may be gone one day, and the others a majority."""
    cluster = clusters(3)
    registry = open_registry(cluster.endpoints[:1], layout.root.rstrip("/"))
    session = registry.session(H1)
    session.publish(instances(1))
    wait_for(lambda: set(registry._store.gateway.endpoints) == set(cluster.endpoints))
    registry.close()


def test_what_is_withdrawn_in_several_steps_is_withdrawn_by_a_clock_that_was_put_back(
    one_etcd, connect, monkeypatch
):
    registry = connect(one_etcd)
    registry.session(H1).publish(instances(200))
    reader = Reader(connect(one_etcd))
    reader.sees(*instances(200))
    stand_in(monkeypatch, diff, "time", time=lambda: 0.0)
    registry._store.withdraw("h1")
    reader.sees()
