"""What others find below /services/, on real etcd with its authentication on: masters write it."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters.users import Access
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.leaves import lease_of
from arpanet_etcd.registry.v3.leafkeeper import LeafKeeper
from arpanet_etcd.registry.v3.writer import V3Writer
from arpanet_etcd.registry.vault import V3Vault

from arpanet import Admission, codec
from tests.conftest import wait_for
from tests.services.etcd.hosts import H1, H2, instance
from tests.services.etcd.users import ALL, LAYOUT, M1, S1, S2, client, registry

M2 = Admission("m2", "master", ("10.0.0.8",), "password of m2")
ROOM = f"{LAYOUT.root}services/"


@pytest.fixture(scope="module")
def cluster(clusters_of_module):
    found = clusters_of_module(1, flags=["--bcrypt-cost", "4"])
    Access(client(found, M1, pinned=True), LAYOUT).admit((*ALL, M2), "m1")
    return found


@pytest.fixture
def master(cluster):
    """Knows who is let in; nothing of another test is left."""
    found = client(cluster, M1)
    found.delete("/arpanet/", "/arpanet0")
    vault = V3Vault(found, LAYOUT)
    for one in (*ALL, M2):
        text = json.dumps({"role": one.role, "addresses": one.addresses})
        vault.write(f"public/hosts/{one.host}", text)
    return found


def keeper(cluster, who=M1):
    made = LeafKeeper(client(cluster, who, pinned=True), LAYOUT, who.host)
    made.start()
    return closing(made)


@pytest.fixture
def kept(cluster, master):
    with keeper(cluster) as made:
        yield made


def leaves(master):
    return {key.removeprefix(ROOM): one.value for key, one in master.range(ROOM).kvs.items()}


def of(*found):
    return {f"{name}/{one.id}": one.address for one in found for name in one.services}


def test_confd_and_friends_find_what_hosts_have_and_no_more(cluster, master, kept):
    one = registry(cluster, S1)
    session = one.session(H1)
    first, second = instance(1), replace(instance(2), services=("web", "a b"))
    session.publish([first, second])
    wanted = of(first) | {"web/h1:c2:80": second.address, "a%20b/h1:c2:80": second.address}
    wait_for(lambda: leaves(master) == wanted)
    session.publish([replace(first, health="stopping"), replace(second, ip="")])
    wait_for(lambda: not leaves(master))
    session.publish([first])
    wait_for(lambda: leaves(master) == of(first))
    one.withdraw("h1")
    wait_for(lambda: not leaves(master))
    one.close()
    assert not kept.trouble


def test_a_host_that_is_silent_has_none_and_one_that_comes_back_has(cluster, master, kept):
    one = registry(cluster, S1)
    one.session(H1).publish([instance(1)])
    wait_for(lambda: leaves(master) == of(instance(1)))
    one.close()  # as one without power
    wait_for(lambda: not leaves(master))
    again = registry(cluster, S1)
    again.session(H1).publish([instance(1)])
    wait_for(lambda: leaves(master) == of(instance(1)))
    again.close()


def test_a_stolen_slave_misleads_nobody(cluster, master, kept):
    """Whatever it writes as itself: of what arpanet's own readers refuse, there is no leaf."""
    two = registry(cluster, S2)
    session = two.session(H2)
    true = replace(instance(1, host="h2"), ip="10.0.0.2")
    session.publish([true])
    wait_for(lambda: leaves(master) == of(true))
    V3Vault(master, LAYOUT).write("public/services/bank", '{"hosts": ["h2"]}')
    thief, lease = client(cluster, S1), lease_of(LAYOUT, "h2")
    key = LAYOUT.leaf("web", true.id)
    for path, body in (
        ("kv/put", {"key": wire.encode(key), "value": wire.encode("10.6.6.6:80")}),
        ("kv/put", {"key": wire.encode(LAYOUT.leaf("new", "h1:c:80")), "value": ""}),
        ("kv/deleterange", {"key": wire.encode(key)}),
        ("lease/revoke", {"ID": str(lease)}),
        ("kv/put", {"key": wire.encode(LAYOUT.host("h1")), "value": "", "lease": str(lease)}),
    ):
        with pytest.raises(EtcdError, match="permission denied"):
            thief.call(path, body, retry=False)
    own = replace(instance(9), ip="10.0.0.1", services=("web", "bank"))
    for one in (
        replace(own, id="h1:elsewhere:80", ip="10.6.6.6"),
        replace(own, id="h1:thehostsown:80", ip="10.0.0.2"),
        replace(own, id=true.id),
        own,
    ):
        thief.put(LAYOUT.record("h1", one.id), codec.encode(one))
    # a service that is nobody's is anybody's, at that host's own address
    mine = {"web/h1:c9:80": own.address, f"web/h1%2F{true.id}": own.address}
    wait_for(lambda: leaves(master) == of(true) | mine)
    two.close()


def test_the_next_master_goes_on_and_none_undoes_what_another_did(cluster, master, kept):
    with keeper(cluster, M2):
        one = registry(cluster, S1)
        session = one.session(H1)
        session.publish([instance(1)])
        wait_for(lambda: leaves(master) == of(instance(1)))
        before = master.range(ROOM).revision
        kept.close()
        session.publish([instance(1), instance(2)])
        wait_for(lambda: leaves(master) == of(instance(1), instance(2)))
        first = master.get(LAYOUT.leaf("web", instance(1).id))
        assert first.mod_revision <= before
        one.close()


def test_what_is_wiped_or_changed_by_hand_is_put_right(cluster, master, kept):
    one = registry(cluster, S1)
    one.session(H1).publish([instance(1)])
    wait_for(lambda: leaves(master) == of(instance(1)))
    master.delete(ROOM, wire.prefix_end(ROOM))
    wait_for(lambda: leaves(master) == of(instance(1)))
    master.revoke(lease_of(LAYOUT, "h1"))
    wait_for(lambda: leaves(master) == of(instance(1)))
    master.put(LAYOUT.leaf("web", instance(1).id), "10.9.9.9:1")
    master.put(LAYOUT.leaf("other", "made by hand"), "10.9.9.9:1")
    wanted = of(instance(1)) | {LAYOUT.leaf("other", "made by hand")[len(ROOM) :]: "10.9.9.9:1"}
    wait_for(lambda: leaves(master) == wanted)
    one.close()


def test_leaves_that_hosts_wrote_are_taken_over(cluster, master):
    """Without certificates hosts write them; with the masters' rights come, theirs go."""
    former = Layout(LAYOUT.root.rstrip("/"))
    writer = V3Writer(master, former, H1, 15)  # with a master's rights it can still
    writer.refresh()
    writer.write([instance(1), instance(2)])
    key = LAYOUT.leaf("web", instance(1).id)
    session = master.get(key).lease
    assert session
    with keeper(cluster):
        wait_for(lambda: master.get(key).lease == lease_of(LAYOUT, "h1"))
        slave = V3Writer(client(cluster, S1, pinned=True), LAYOUT, H1, 15)
        slave.refresh()
        slave.write([instance(1)])
        wait_for(lambda: leaves(master) == of(instance(1)))
    assert leaves(master) == of(instance(1))


def test_thousands_at_once(cluster, master, kept):
    """More than one transaction takes, and more than one answer lists."""
    made = [replace(instance(n), services=("web",)) for n in range(1500)]
    one = registry(cluster, S1, ttl=60)
    session = one.session(H1)
    session.publish(made)
    wait_for(lambda: leaves(master) == of(*made), 30)
    session.publish(made[:1])
    wait_for(lambda: leaves(master) == of(made[0]), 30)
    one.close()


def test_trouble_is_told_and_ends(cluster, master):
    with keeper(cluster, replace(M1, password="another")) as made:
        one = registry(cluster, S1)
        one.session(H1).publish([instance(1)])
        wait_for(lambda: "invalid user ID or password" in made.trouble)
        assert not leaves(master)
        made._gateway._login._who = M1
        wait_for(lambda: leaves(master) == of(instance(1)))
        wait_for(lambda: not made.trouble)
        one.close()
