"""etcd's own authentication, on real etcd: what a slave may and may not, and how it stays so."""

import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.login import Login
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.etcdctl import old, verbs
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.admitting import Access
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.registry import EtcdRegistry
from arpanet_etcd.registry.v3.store import V3Store
from arpanet_etcd.registry.vault import V3Vault

from arpanet import Admission
from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.services.etcd.cluster import etcd_version
from tests.services.etcd.hosts import H1, H2, Reader, instances

LAYOUT = Layout("/arpanet")
M1 = Admission("m1", "master", ("10.0.0.9",), "password of m1")
S1 = Admission("h1", "slave", ("10.0.0.1",), "password of h1")
S2 = Admission("h2", "slave", ("10.0.0.2",), "password of h2")
ALL = (M1, S1, S2)


class Says(Login):
    """Says the password of a host other than this process's."""

    def __init__(self, who):
        super().__init__()
        self._who = who

    def _get(self, ask):
        return ask({"name": self._who.host, "password": self._who.password})["token"]


def client(cluster, who, pinned=False):
    """A client that says the password of *who*, once it is asked."""
    gateway = Gateway(cluster.endpoints, pinned=pinned)
    gateway._login = Says(who)
    return gateway


def access(cluster, who=M1):
    return Access(client(cluster, who, pinned=True), LAYOUT)


def registry(gateway):
    """A registry as *gateway* may use it."""
    store = V3Store(gateway.endpoints, LAYOUT)
    store.gateway = gateway
    return EtcdRegistry(store, LAYOUT)


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
    one, two = (registry(client(cluster, who, pinned=True)) for who in (S1, S2))
    reader = Reader(two)
    session = one.session(H1)
    session.publish(instances(3))
    two.session(H2).publish([])
    reader.sees(*instances(3))
    session.publish(instances(2))
    reader.sees(*instances(2))
    wait_for(lambda: set(two.silences()) == {"h1", "h2"})
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


def test_the_command_line_of_a_slave_sees_what_it_may(slave, master):
    V3Vault(master, LAYOUT).write("public/hosts/h1", "{}")
    V3Vault(master, LAYOUT).write("tokens/a", "secret")
    slave.put(LAYOUT.leaf("web", "h1:c:80"), "10.0.0.1:80")

    def run(*words):
        return old.run(slave, verbs.parse(words), str, LAYOUT.readable)

    assert {"/arpanet/identity", "/arpanet/services"} <= set(run("ls", "/arpanet"))
    assert "/arpanet/vault" not in run("ls", "/arpanet")
    assert "/arpanet/services/web/h1:c:80" in run("ls", "/", "--recursive")
    assert not any("vault" in line for line in run("ls", "/", "--recursive"))
    assert run("get", "/arpanet/services/web/h1:c:80") == ["10.0.0.1:80"]
    assert run("set", "/arpanet/services/web/h1:c:80", "10.0.0.1:81") == ["10.0.0.1:81"]
    run("rm", "/arpanet/services/web/h1:c:80")
    with pytest.raises(IsADirectoryError):
        run("get", "/arpanet")
    with pytest.raises(EtcdError, match="permission denied"):
        run("get", "/arpanet/vault/tokens/a")


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


def test_the_vault_says_whose_it_is(slave):
    vault = V3Vault(slave, LAYOUT)
    assert vault.list("public/")
    with pytest.raises(RegistryError, match=r"may not read tokens/a: masters alone may"):
        vault.read("tokens/a")
    with pytest.raises(RegistryError, match=r"may not change public/hosts/h1: masters alone may"):
        vault.write("public/hosts/h1", "{}")


# -- how it stays so ---------------------------------------------------------------------------


@pytest.fixture
def own_cluster(clusters):
    return clusters(1, flags=["--bcrypt-cost", "4"])


def test_nothing_is_written_when_all_is_as_wanted(own_cluster, monkeypatch):
    access(own_cluster).admit(ALL, "m1")
    master = client(own_cluster, M1)
    again = Access(master, LAYOUT)
    done, call = [], master.call
    monkeypatch.setattr(master, "call", lambda p, *a, **b: done.append(p) or call(p, *a, **b))
    again.admit(ALL, "m1")  # a new process looks at everything once
    assert {"auth/role/get", "auth/user/get"} <= set(done)
    again.admit(ALL, "m1")
    reads = {"kv/range", "auth/authenticate", "auth/role/list", "auth/user/list"}
    assert set(done) <= reads | {"auth/role/get", "auth/user/get"}
    done.clear()
    again.admit(ALL, "m1")
    assert done == ["kv/range", "auth/authenticate"]


def test_a_changed_password_ends_the_tokens_of_the_former_one(own_cluster):
    access(own_cluster).admit(ALL, "m1")
    slave, again = client(own_cluster, S1), access(own_cluster)
    renewed = replace(S1, password="another")
    again.admit((M1, renewed, S2), "m1")
    with pytest.raises(EtcdError, match="invalid user ID or password"):
        slave.get(LAYOUT.host("h1"))
    assert client(own_cluster, renewed).get(LAYOUT.host("h1")) is None
    with pytest.raises(EtcdError, match="invalid user ID or password"):
        client(own_cluster, S1).get(LAYOUT.host("h1"))


def test_one_that_is_shut_out_is_out_at_once_and_others_go_on(own_cluster):
    access(own_cluster).admit(ALL, "m1")
    one, two = client(own_cluster, S1), client(own_cluster, S2)
    again = access(own_cluster)
    again.admit((M1, S2), "m1")
    with pytest.raises(EtcdError, match="invalid user ID or password"):
        one.put(LAYOUT.host("h1"), "x")
    with pytest.raises(EtcdError, match="invalid user ID or password"):
        client(own_cluster, S1).get(LAYOUT.host("h1"))
    two.put(LAYOUT.host("h2"), "x")
    again.admit(ALL, "m1")
    client(own_cluster, S1).put(LAYOUT.host("h1"), "x")


def test_requests_go_on_while_many_are_let_in(own_cluster):
    access(own_cluster).admit(ALL, "m1")
    slave = client(own_cluster, S1)
    admitted = threading.Event()
    done = []

    def work():
        while not admitted.is_set():
            done.append(slave.put(LAYOUT.host("h1"), str(len(done))))

    thread = threading.Thread(target=work)
    thread.start()
    many = [replace(S1, host=f"s{number}") for number in range(20)]
    access(own_cluster).admit((*ALL, *many), "m1")
    admitted.set()
    thread.join()
    assert slave.get(LAYOUT.host("h1")).value == str(len(done) - 1)


def test_a_watch_gets_a_new_token_where_a_member_lost_it(own_cluster, monkeypatch):
    access(own_cluster).admit(ALL, "m1")
    slave = client(own_cluster, S1)
    slave.get(LAYOUT.host("h1"))
    own_cluster.members[0].kill()
    monkeypatch.setattr(own_cluster, "healthy", lambda: answers(client(own_cluster, M1).get))
    own_cluster.start()

    def watch(key):
        with slave.watch(key, "", 0) as watch:
            next(iter(watch))

    wait_for(lambda: answers(watch))


def answers(ask):
    """Whether *ask* is answered about a key that slaves may read."""
    try:
        ask(LAYOUT.host("h1"))
    except RegistryError:
        return False
    return True


def test_a_store_that_was_wiped_has_all_of_it_again(own_cluster):
    access(own_cluster).admit(ALL, "m1")
    own_cluster.wipe()
    access(own_cluster).admit(ALL, "m1")
    client(own_cluster, S1).put(LAYOUT.host("h1"), "x")
    with pytest.raises(EtcdError, match="user name is empty"):
        own_cluster.gateway.get(LAYOUT.host("h1"))


def test_what_was_turned_off_or_deleted_by_hand_is_put_right(own_cluster):
    access(own_cluster).admit(ALL, "m1")
    again = access(own_cluster)
    again.admit(ALL, "m1")
    client(own_cluster, M1).call("auth/disable", {})
    own_cluster.gateway.delete(LAYOUT.kept("users/"), wire.prefix_end(LAYOUT.kept("users/")))
    access(own_cluster).admit(ALL, "m1")
    client(own_cluster, S1).put(LAYOUT.host("h1"), "x")
    with pytest.raises(EtcdError, match="permission denied"):
        client(own_cluster, S1).put(LAYOUT.host("h2"), "x")


def test_masters_that_do_it_at_once_do_no_harm(own_cluster):
    troubles = []

    def admit(gateway, admissions):
        try:
            Access(gateway, LAYOUT).admit(admissions, "m1")
        except RegistryError as problem:
            troubles.append(problem)

    access(own_cluster).admit((M1,), "m1")
    many = (*ALL, *(replace(S1, host=f"s{number}") for number in range(8)))
    masters = [client(own_cluster, M1) for _ in range(3)]
    threads = [threading.Thread(target=admit, args=(one, many)) for one in masters]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert troubles == []
    for who in many[1:]:
        client(own_cluster, who).put(LAYOUT.host(who.host), "x")


@pytest.mark.parametrize(
    ("admissions", "said"),
    [
        ((S1, S2), "m1 is not among the masters"),
        ((replace(M1, role="slave"), S1), "m1 is not among the masters"),
        ((*ALL, Admission("h3", "slave")), "h3 has no password"),
        ((*ALL, Admission("root", "slave", password="x")), "HOSTNAME root is the name of"),
    ],
)
def test_who_cannot_be_let_in_is_told(own_cluster, admissions, said):
    with pytest.raises(RegistryError, match=said):
        access(own_cluster).admit(admissions, "m1")
    if M1 in admissions:  # the others are
        client(own_cluster, S1).put(LAYOUT.host("h1"), "x")
    else:  # nobody was shut out
        own_cluster.gateway.put(LAYOUT.host("h1"), "x")
