"""etcd's users and roles, on real etcd: how masters keep them as they are wanted."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters.users import AUDIT, Access
from arpanet_etcd.registry.v3 import writer as writing

from arpanet import Admission, Identity, identity
from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.services.etcd.cluster import Member
from tests.services.etcd.hosts import H1, Reader, instances, never_without
from tests.services.etcd.users import ALL, LAYOUT, M1, S1, S2, access, client, registry
from tests.support.loopback import free_address


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


def test_users_are_read_again_only_where_etcd_counted_a_change(own_cluster, monkeypatch):
    """Each user and role that is read is a write in the masters' log."""
    now, gateway = [0.0], client(own_cluster, M1, pinned=True)
    one = Access(gateway, LAYOUT, lambda: now[0])

    def written():
        before = gateway.metric("etcd_server_proposals_committed_total")
        now[0] += AUDIT
        one.admit(ALL, "m1")
        return int(gateway.metric("etcd_server_proposals_committed_total")) - int(before)

    one.admit(ALL, "m1")
    assert (written(), written()) == (0, 0)
    client(own_cluster, M1).call("auth/user/revoke", {"name": "h1", "role": "arpanet-slave"})
    assert written() > len(ALL)
    assert client(own_cluster, S1).get(LAYOUT.host("h2")) is None
    assert written() == 0
    told = gateway.metric
    assert told("etcd_debugging_auth") == ""
    monkeypatch.setattr(gateway, "metric", lambda name: "" if "auth" in name else told(name))
    assert written() > len(ALL)


def test_all_clients_of_a_process_have_one_token(own_cluster, tmp_path):
    """Each token is an entry in the masters' log."""
    access(own_cluster).admit(ALL, "m1")
    mine = Identity(tmp_path, "m1")
    mine.host.mkdir()
    (mine.host / "password").touch(mode=0o600)
    (mine.host / "password").write_text(M1.password)
    gateway, before = client(own_cluster, M1), identity.current()
    identity.use(mine)
    try:
        clients = [Gateway(own_cluster.endpoints, pinned=pinned) for pinned in (True, False, True)]
        counted = int(gateway.metric("etcd_server_proposals_committed_total"))
        assert [one.get(LAYOUT.host("h1")) for one in clients] == [None, None, None]
        assert int(gateway.metric("etcd_server_proposals_committed_total")) - counted == 1
    finally:
        identity.use(before)


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


def test_one_that_is_let_in_anew_goes_on_by_itself(own_cluster):
    """It still says the token that ended with its former user, even when it asks for another."""
    admitting = access(own_cluster)
    admitting.admit(ALL, "m1")
    one = client(own_cluster, S1)
    one.put(LAYOUT.host("h1"), "x")
    admitting.admit((M1, S2), "m1")
    with pytest.raises(EtcdError):
        one.put(LAYOUT.host("h1"), "x")
    admitting.admit(ALL, "m1")
    assert one.put(LAYOUT.host("h1"), "y")
    assert one.grant(5)


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


def test_a_session_outlives_its_tokens(clusters, monkeypatch):
    """They run out between its keepalives: no entry goes for that, and it writes on."""
    monkeypatch.setattr(writing, "AUDIT", 0.0)  # each looks at its keys, too: that takes a token
    found = clusters(1, flags=["--bcrypt-cost", "4", "--auth-token-ttl", "1"])
    access(found).admit(ALL, "m1")
    one, two = registry(found, S1, ttl=9), registry(found, S2)
    session, reader = one.session(H1), Reader(two)
    session.publish(instances(2))
    reader.sees(*instances(2))
    with never_without(reader, *(each.id for each in instances(2))):
        wait_for(lambda: len(one._store.gateway._login.got) > 4)  # each 3 s
        session.publish(instances(3))
        reader.sees(*instances(3))
    one.close()
    two.close()


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


def test_a_token_of_before_the_store_was_wiped_holds_up_one_request(own_cluster):
    """etcd waits for the change that made it, which will not come for long."""
    access(own_cluster).admit(ALL, "m1")
    for number in range(200):
        client(own_cluster, M1).put("/arpanet/x", str(number))
    one = client(own_cluster, S1)
    one.put(LAYOUT.host("h1"), "x")
    own_cluster.wipe(as_another=True)
    access(own_cluster).admit(ALL, "m1")
    with suppress(RegistryError):
        one.put(LAYOUT.host("h1"), "y")
    assert one.put(LAYOUT.host("h1"), "z")


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


def test_what_another_master_takes_away_while_it_is_looked_at_does_no_harm(
    own_cluster, monkeypatch
):
    one, another = access(own_cluster), access(own_cluster)
    one.admit(ALL, "m1")
    call = one._call

    def overtaken(path, body):
        found = call(path, body)
        if path == "role/list":
            another.admit((M1, S1), "m1")
        return found

    monkeypatch.setattr(one, "_call", overtaken)
    one.admit((M1, S1), "m1")


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


def test_the_leader_lets_a_learner_vote_whoever_answered_last(clusters):
    flags = ["--bcrypt-cost", "4"]
    found = clusters(2, flags=flags)
    access(found).admit(ALL, "m1")
    gateway, (follower,) = client(found, M1), found.followers()
    ip = free_address()
    new = Member("m3", f"http://{ip}:2379", f"http://{ip}:2380", follower.place.with_name("m3"))

    def taken():
        with suppress(EtcdError):  # the two have not known each other for long enough
            return gateway.learner_add([new.peer])

    added = wait_for(taken, every=0.2)
    found.members.append(new)
    everybody = ",".join(f"{one.name}={one.peer}" for one in found.members)
    new.start(everybody, flags, "existing")

    def votes():
        gateway.known.good(follower.client)
        try:
            gateway.member_promote(added.id)
        except EtcdError as problem:
            assert problem.code == wire.PRECONDITION, problem  # it has not caught up yet
        return not any(one.learner for one in gateway.member_list())

    wait_for(votes, every=0.2)
