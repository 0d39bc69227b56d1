"""Over real etcd: what masters write decides at once whose instances are used."""

import json
from dataclasses import replace

import pytest
from arpanet_etcd.registry.vault import open_vault
from arpanet_identity import roster

from arpanet import ABSENT
from tests.conftest import wait_for
from tests.services.etcd.hosts import H1, H2, Reader, instance


@pytest.fixture
def vault(one_etcd, layout):
    made = open_vault(one_etcd.endpoints, layout.root.rstrip("/"))
    yield made
    made.close()


def let_in(vault, host, *addresses):
    vault.write(f"public/hosts/{host}", json.dumps({"addresses": list(addresses)}))


def test_only_what_a_host_may_have_is_used_from_one_moment_to_the_next(one_etcd, connect, vault):
    registry = connect(one_etcd)
    mine, later, stolen = instance(1), instance(2), instance(1, host="h2")
    session = registry.session(H1)
    session.publish([mine])
    registry.session(H2).publish([stolen])  # at an address of h1's
    reader = Reader(connect(one_etcd))
    reader.sees(mine, stolen)
    let_in(vault, "h1", "10.0.0.1")
    reader.sees(mine)
    assert [one.why for one in reader.last.refused] == ["h2 has not been let in"]
    let_in(vault, "h2", "10.0.0.2")
    wait_for(lambda: reader.last.refused[0].why == "h2 may have no instance at 10.0.0.1")
    assert registry.read() == reader.last
    let_in(vault, "h2", "10.0.0.0/24")
    reader.sees(mine, stolen)
    vault.delete("public/hosts/h2")
    reader.sees(mine)
    vault.delete("public/hosts/h1")  # all are gone: a store that lost them
    vault.write("public/services/web", json.dumps({"hosts": ["h3"]}))
    wait_for(lambda: reader.last.services().keys() == {"web-1"})
    assert reader.last.instances[mine.id].services == ("web-1",)
    vault.delete("public/services/web")  # lost like them, and nobody else's meanwhile
    session.publish([mine, later])
    wait_for(lambda: later.id in reader.last.instances)
    assert reader.last.services().keys() == {"web-1", "web-2"}
    let_in(vault, "h1", "10.0.0.1")
    vault.write("public/services/web", json.dumps({"hosts": ["h3"]}))
    vault.delete("public/services/web")  # released
    reader.sees(mine, later)


def test_an_instance_inside_a_hosts_network_is_used_and_one_outside_is_not(
    one_etcd, connect, vault
):
    entry = roster.Entry("h1", "slave", ("10.0.0.1",), "serial", 4e9, "generation")
    assert roster.write(vault, entry, ABSENT)
    mine = instance(1)
    inside, outside = (
        replace(instance(n), ip=ip) for n, ip in ((2, "172.18.0.7"), (3, "172.19.0.7"))
    )
    connect(one_etcd).session(H1).publish([mine, inside, outside])
    reader = Reader(connect(one_etcd))
    reader.sees(mine)
    assert roster.allow(vault, "h1", ["172.18.0.0/16"])
    reader.sees(mine, inside)
    assert [one.why for one in reader.last.refused] == ["h1 may have no instance at 172.19.0.7"]
    assert roster.allow(vault, "h1", [])
    reader.sees(mine)


def test_readers_understand_who_is_let_in_and_shut_out_as_masters_write_it(
    one_etcd, connect, vault
):
    mine = instance(1)
    for host, addresses in (("m1", ("10.0.0.9",)), ("h1", ("10.0.0.1", "10.1.0.0/16"))):
        entry = roster.Entry(host, "slave", addresses, f"{host} serial", 4e9, "generation")
        assert roster.write(vault, entry, ABSENT)
    connect(one_etcd).session(H1).publish([mine])
    connect(one_etcd).session(H2).publish([instance(2, host="h2")])
    reader = Reader(connect(one_etcd))
    reader.sees(mine)
    wait_for(lambda: [one.why for one in reader.last.refused] == ["h2 has not been let in"])
    roster.shut_out(vault, "h1")
    reader.sees()
