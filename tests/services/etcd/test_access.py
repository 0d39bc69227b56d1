"""etcd's own authentication, on real etcd: what a slave may and may not, and how it stays so."""

from contextlib import nullcontext, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.etcdctl import old, verbs
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.registry.vault import V3Vault
from arpanet_etcd.upkeep.caretaker import Caretaker, Schedule

from arpanet import identity
from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.services.etcd.cluster import etcd_version
from tests.services.etcd.hosts import H1, H2, Reader, instances
from tests.services.etcd.users import ALL, LAYOUT, M1, S1, S2, access, client, registry


@pytest.fixture(scope="module")
def cluster(clusters_of_module):
    """One that has let all in."""
    found = clusters_of_module(1, flags=["--bcrypt-cost", "4"])
    access(found).admit(ALL, "m1")
    return found


@pytest.fixture
def master(cluster):
    return client(cluster, M1)


@pytest.fixture
def slave(cluster):
    found = client(cluster, S1)
    found.get(LAYOUT.host("h1"))  # it has a token from then on
    return found


def test_nobody_without_a_password_is_told_anything(cluster):
    stranger = cluster.gateway  # this process has no certificate, and so no password
    for path, body in (
        ("kv/range", {"key": wire.encode("/arpanet/hosts/h1")}),
        ("kv/put", {"key": wire.encode("/arpanet/hosts/h1"), "value": ""}),
        ("auth/user/list", {}),
    ):
        with pytest.raises(EtcdError, match="user name is empty"):
            stranger.call(path, body)
    with pytest.raises(EtcdError, match="invalid user ID or password"):
        client(cluster, replace(S1, password="guessed")).get(LAYOUT.host("h1"))


def test_a_slave_does_all_that_a_slave_does(cluster):
    """Session, follower, leadership, silences, withdrawal: with exactly its rights."""
    one, two = (registry(cluster, who, ttl=15) for who in (S1, S2))
    reader = Reader(two)
    session = one.session(H1)
    session.publish(instances(3))
    two.session(H2).publish([])
    reader.sees(*instances(3))
    session.publish(instances(2))
    reader.sees(*instances(2))
    one.presence("h1", "ambassador", lambda: True)
    wait_for(lambda: set(two.silences()) == {("h1", "ambassador")})
    assert {"h1", "h2"} == set(one.read().hosts)
    one.tell("h1", "tests", "told")
    assert two.told("tests") == {"h1": "told"}
    leadership = one.leader("tests")
    wait_for(lambda: leadership.leading)
    leadership.keep("done")
    assert two.leader("tests").recall() == "done"
    session.close()
    one.withdraw("h1")
    reader.sees()
    assert session.refused == {}
    one.close()
    two.close()


@pytest.fixture
def this_is_m1(tmp_path, monkeypatch):
    (tmp_path / "host").mkdir()
    password = tmp_path / "host/password"
    password.touch(0o600)
    password.write_text(M1.password)
    monkeypatch.setattr(identity, "_current", identity.Identity(tmp_path, "m1"))


def test_what_is_looked_at_again_and_again_costs_the_masters_no_write(
    cluster, master, this_is_m1, tmp_path
):
    url = urlsplit(cluster.endpoints[0])
    own = Own("m1", url.hostname, url.port, 2380)
    schedule = Schedule(tmp_path / "snapshots", 3600, 1)
    upkeep = Caretaker(own, cluster.endpoints, LAYOUT.kept("upkeep/origin"), tuple, schedule)
    slave = registry(cluster, S1)
    for _ in range(2):
        upkeep.look()  # it takes a snapshot, and is known from then on
        slave.tell("h1", "writes", "told")
    before = master.status(cluster.endpoints[0])["raftIndex"]
    for _ in range(3):
        upkeep.look()
        slave.tell("h1", "writes", "told")
    assert master.status(cluster.endpoints[0])["raftIndex"] == before
    slave.withdraw("h1")
    slave.close()


def test_the_command_line_of_a_slave_sees_and_does_what_it_may(slave, master):
    V3Vault(master, LAYOUT).write("public/hosts/h1", "{}")
    V3Vault(master, LAYOUT).write("tokens/a", "secret")
    master.put(LAYOUT.leaf("web", "h1:c:80"), "10.0.0.1:80")

    def run(*words):
        return old.run(slave, verbs.parse(words), LAYOUT.readable)

    assert {"/arpanet/identity", "/arpanet/services"} <= set(run("ls", "/arpanet"))
    assert "/arpanet/closed" not in run("ls", "/arpanet")
    assert "/arpanet/services/web/h1:c:80" in run("ls", "/", "--recursive")
    assert not any("closed" in line for line in run("ls", "/", "--recursive"))
    assert run("get", "/arpanet/services/web/h1:c:80") == ["10.0.0.1:80"]
    assert run("set", "/arpanet/told/h1/tests", "all is well") == ["all is well"]
    run("rm", "/arpanet/told/h1/tests")
    with pytest.raises(IsADirectoryError):
        run("get", "/arpanet")
    with pytest.raises(EtcdError, match="permission denied"):
        run("get", "/arpanet/closed/tokens/a")


def put(key):
    return ("kv/put", {"key": wire.encode(key), "value": wire.encode("x")})


def get(key, end=""):
    return ("kv/range", {"key": wire.encode(key), "range_end": wire.encode(end)})


def txn(*operations, compare=()):
    return ("kv/txn", {"compare": list(compare), "success": list(operations)})


SECRET = LAYOUT.kept("tokens/a")
REFUSED = {
    "another host's record": put(LAYOUT.host("h2")),
    "another host's instance": put(LAYOUT.record("h2", "h2:c:80")),
    "what another host tells": put(LAYOUT.told("h2", "links")),
    "another host's leaf": put(LAYOUT.leaf("web", "h2:c:80")),
    "a leaf of its own": put(LAYOUT.leaf("web", "h1:c:80")),
    "a service's leaves": (
        "kv/deleterange",
        {"key": wire.encode("/arpanet/services/"), "range_end": wire.encode("/arpanet/services0")},
    ),
    "an instance as former versions wrote it": put(LAYOUT.former("h1:c:80")),
    "who may have which address": put(LAYOUT.kept("public/hosts/h1")),
    "a key of nobody's": put("/elsewhere"),
    "another's key in a transaction": txn(wire.put_op(LAYOUT.host("h2"), "x")),
    "deleting all": (
        "kv/deleterange",
        {"key": wire.encode("/arpanet/"), "range_end": wire.encode("/arpanet0")},
    ),
    "reading a token": get(SECRET),
    "reading all": get("/", "0"),
    "comparing with a token": txn(compare=[wire.value_is(SECRET, "x")]),
    "adding a member": (
        "cluster/member/add",
        {"peerURLs": ["http://127.9.9.9:1"], "isLearner": True},
    ),
    "removing a member": ("cluster/member/remove", {"ID": "1"}),
    "changing a member": ("cluster/member/update", {"ID": "1", "peerURLs": ["http://127.9.9.9:1"]}),
    "a user more": ("auth/user/add", {"name": "x", "password": "x"}),
    "a master's password": ("auth/user/changepw", {"name": "m1", "password": "x"}),
    "its own password": ("auth/user/changepw", {"name": "h1", "password": "x"}),
    "a role more": ("auth/user/grant", {"user": "h1", "role": "root"}),
    "no authentication": ("auth/disable", {}),
    "who the users are": ("auth/user/list", {}),
    "a backup": ("maintenance/snapshot", {}),
    "defragmenting": ("maintenance/defragment", {}),
    "a hash of all": ("maintenance/hash", {}),
}
#: What some etcds let everybody do who gets a connection: first what does no harm when it is done.
FORGOTTEN = {
    "reading a token in a transaction within one": txn(
        {"request_txn": {"compare": [], "success": [wire.range_op(SECRET)]}}
    ),
    "a key of nobody's in a transaction within one": txn(
        {"request_txn": {"compare": [], "success": [wire.put_op("/elsewhere", "x")]}}
    ),
    "an alarm": ("maintenance/alarm", {"action": "ACTIVATE", "memberID": "1", "alarm": "NOSPACE"}),
    "another leader": ("maintenance/transfer-leadership", {"targetID": "1"}),
    "forgetting history": ("kv/compaction", {"revision": "1"}),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_a_slave_may_not(slave, deed):
    path, body = REFUSED[deed]
    with pytest.raises(EtcdError, match="permission denied"):
        slave.call(path, body, retry=False)


def test_what_etcd_forgets_to_ask_is_known_by_its_version(slave):
    fault = flags.rights_fault(etcd_version())
    for deed in list(FORGOTTEN)[: 2 if fault else None]:
        path, body = FORGOTTEN[deed]
        with nullcontext() if fault else pytest.raises(EtcdError, match="permission denied"):
            slave.call(path, body, retry=False)


def test_a_slave_ends_nobody_elses_lease(cluster, slave):
    other = client(cluster, S2)
    lease = other.grant(60)
    other.put(LAYOUT.host("h2"), "x", lease)
    with pytest.raises(EtcdError, match="permission denied"):
        slave.revoke(lease)
    with pytest.raises(EtcdError, match="permission denied"):
        slave.put(LAYOUT.host("h1"), "x", lease)
    other.revoke(lease)


def test_a_slave_hears_of_no_change_that_it_may_not_read(cluster, slave):
    with (
        slave.watch("/arpanet/", "/arpanet0", 0) as watch,
        pytest.raises(RegistryError, match="permission denied"),
    ):
        next(iter(watch))


def test_whatever_etcd_lets_a_slave_watch_it_hears_of_no_token(slave, master):
    """Up to 3.6.13 etcd lets who may read a key watch all keys that follow, for ever."""
    last = LAYOUT.leaf("web", "h1:after:80")
    revision = master.put(SECRET, "secret")
    master.put(last, "10.0.0.1:80")
    heard = []
    with slave.watch(LAYOUT.readable[0], "\0", revision) as watch, suppress(RegistryError):
        for _, events in watch:
            heard += [one.key for one in events]
            if last in heard:
                break
    assert SECRET not in heard
    for key in ("/", SECRET, LAYOUT.kept("tokens/")):
        with (
            pytest.raises(RegistryError, match="permission denied"),
            slave.watch(key, "\0", revision) as watch,
        ):
            next(iter(watch))


def test_the_vault_says_whose_it_is(slave):
    vault = V3Vault(slave, LAYOUT)
    assert vault.list("public/")
    with pytest.raises(RegistryError, match=r"may not read tokens/a: masters alone may"):
        vault.read("tokens/a")
    with pytest.raises(RegistryError, match=r"may not change public/hosts/h1: masters alone may"):
        vault.write("public/hosts/h1", "{}")
