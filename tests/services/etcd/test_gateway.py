"""The v3 client: failover, watches, and what is said when nobody answers."""

import socket
import threading
import time

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import Compacted, EtcdError, NotEtcd, Unanswered
from urllib3.exceptions import ProtocolError

from arpanet.errors import RegistryUnreachable
from tests.conftest import SLOW, wait_for

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def gateway(one_etcd):
    return one_etcd.gateway


def follow(watch):
    """Iterate over *watch* in a thread; return it, what it saw, and what it ended with."""
    seen, ended = [], []

    def run():
        try:
            for _, events in watch:
                seen.extend(events)
            ended.append(None)
        except Exception as problem:
            ended.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, seen, ended


def test_keys_leases_and_transactions(gateway, layout):
    one, two = f"{layout.root}1", f"{layout.root}2"
    lease = gateway.grant(60)
    first = gateway.put(one, "é", lease)
    assert gateway.get(one) == wire.Value("é", first, lease, first)
    assert gateway.get(two) is None
    assert gateway.lease_keys(lease) == {one}
    result = gateway.txn(
        [wire.held_by(one, lease), wire.value_is(one, "é"), wire.absent(two)],
        [wire.put_op(two, "b"), wire.range_op(one)],
    )
    assert result.succeeded
    assert result.reads == ({one: wire.Value("é", first, lease, first)},)
    assert not gateway.txn([wire.absent(two)], [wire.delete_op(one)]).succeeded
    found = gateway.range(layout.root)
    assert list(found.kvs) == [one, two]
    assert found.revision == result.revision
    assert gateway.keepalive(lease) == 60
    gateway.revoke(lease)
    gateway.revoke(lease)
    assert gateway.keepalive(lease) == 0
    assert gateway.lease_keys(lease) is None
    assert gateway.delete(layout.root, wire.prefix_end(layout.root)) == 1
    with pytest.raises(EtcdError, match="lease not found") as refused:
        gateway.put(one, "x", lease)
    assert refused.value.code == wire.NOT_FOUND


def test_a_watch_ends_when_it_is_closed_from_another_thread(gateway, layout):
    watch = gateway.watch(layout.root, wire.prefix_end(layout.root), 0)
    thread, seen, ended = follow(watch)
    gateway.put(f"{layout.root}x", "1")
    gateway.delete(f"{layout.root}x")
    wait_for(lambda: len(seen) == 2)
    assert [event.value and event.value.value for event in seen] == ["1", None]
    watch.close()
    thread.join(2 * SLOW)
    assert ended == [None]


def test_a_quiet_watch_stays_and_asks_whether_its_member_is_alive(gateway, layout, monkeypatch):
    asked, ask = [], gateway.ask
    monkeypatch.setattr(gateway, "ask", lambda endpoint: asked.append(endpoint) or ask(endpoint))
    watch = gateway.watch(layout.root, "", 0, pulse=0.05)
    thread, seen, ended = follow(watch)
    wait_for(lambda: len(asked) >= 3)
    assert (seen, ended) == ([], [])
    gateway.put(layout.root, "1")
    wait_for(lambda: seen)
    watch.close()
    thread.join(2)
    assert ended == [None]


def test_a_watch_of_a_member_that_hangs_ends_and_another_is_asked(clusters):
    cluster = clusters(3)
    gateway = Gateway(cluster.endpoints, timeout=0.5)
    _, _, ended = follow(gateway.watch("/x", "", 0, pulse=0.2))
    hung = gateway.known.order()[0]
    next(one for one in cluster.members if one.client == hung).pause()
    wait_for(lambda: ended)
    assert isinstance(ended[0], RegistryUnreachable)
    assert "hangs" in str(ended[0])
    assert gateway.known.order()[0] != hung
    assert hung in gateway.known.troubles


def test_a_watch_of_forgotten_history(gateway, layout):
    start = gateway.put(layout.root, "1")
    gateway.call("kv/compaction", {"revision": str(gateway.put(layout.root, "2"))})
    thread, _, ended = follow(gateway.watch(layout.root, "", start))
    thread.join(3 * SLOW)
    assert isinstance(ended[0], Compacted)
    assert ended[0].revision > start


def test_the_next_endpoint_answers_and_is_kept(one_etcd, monkeypatch):
    gateway = Gateway([NOBODY, *one_etcd.endpoints])
    asked, post = [], gateway.post
    monkeypatch.setattr(gateway, "post", lambda end, *rest: asked.append(end) or post(end, *rest))
    gateway.get("/x")
    gateway.get("/x")
    assert asked == [NOBODY, *one_etcd.endpoints, *one_etcd.endpoints]
    with gateway.watch("/x", "", 0):
        pass


def test_what_must_not_be_repeated_is_not_but_what_was_never_sent_is(one_etcd, monkeypatch):
    gateway = Gateway([NOBODY, *one_etcd.endpoints, *one_etcd.endpoints])
    key = "/cas"
    gateway.delete(key)
    assert Gateway(gateway.endpoints).txn([wire.absent(key)], [wire.put_op(key, "1")]).succeeded
    sent, post = [], gateway.post

    def lossy(endpoint, path, body, timeout):
        post(endpoint, path, body, timeout)
        sent.append(path)
        raise ProtocolError("cut")

    monkeypatch.setattr(gateway, "post", lossy)
    with pytest.raises(Unanswered, match="no answer from"):
        gateway.txn([], [wire.put_op(key, "2")])
    assert sent == ["kv/txn"]
    with pytest.raises(RegistryUnreachable, match="no master answers"):
        gateway.put(key, "3")
    assert sent == ["kv/txn", "kv/put", "kv/put"]


def test_nobody_answers(gateway):
    with pytest.raises(RegistryUnreachable) as nobody:
        Gateway([NOBODY, "http://nosuch.invalid:4001"]).get("/x")
    assert str(nobody.value).startswith(
        "no master answers: 127.0.0.1:1 (connection refused), nosuch"
    )
    with pytest.raises(RegistryUnreachable):
        Gateway([NOBODY]).watch("/x", "", 0)
    with pytest.raises(RegistryUnreachable):
        gateway.status(NOBODY)
    with pytest.raises(RegistryUnreachable, match="none is known"):
        Gateway([]).get("/x")


def test_something_else_listens_there(gateway, one_etcd):
    peer = Gateway([one_etcd.members[0].peer])
    with pytest.raises(NotEtcd, match=r"404.*; is this an etcd"):
        peer.get("/x")
    assert Gateway([one_etcd.members[0].peer, *one_etcd.endpoints]).get("/x") is None


def test_alarms_are_answered_although_they_have_no_header(gateway):
    assert gateway.call("maintenance/alarm", {"action": "GET"}).get("alarms", []) == []


def test_a_listing_comes_in_pages_of_one_moment(gateway, layout, monkeypatch):
    for number in range(25):
        gateway.put(f"{layout.root}{number:02}", "1")
    call, asked = gateway.call, []

    def while_others_write(path, body):
        asked.append(path)
        answer = call(path, body)
        call("kv/put", {"key": wire.encode(f"{layout.root}{len(asked)}x"), "value": ""})
        return answer

    monkeypatch.setattr(gateway, "call", while_others_write)
    found = gateway.span(layout.root, wire.prefix_end(layout.root), page=10)
    assert len(asked) == 3
    assert list(found.kvs) == [f"{layout.root}{number:02}" for number in range(25)]
    assert all(one.mod_revision <= found.revision for one in found.kvs.values())


def test_the_members_are_found_and_a_watch_leaves_one_without_a_leader(clusters):
    cluster = clusters(3)
    gateway = Gateway(cluster.endpoints[:1])

    def all_known() -> bool:
        gateway.refresh()
        return set(gateway.endpoints) == set(cluster.endpoints)

    wait_for(all_known)  # a member tells its address some moments after it is up
    assert gateway.endpoints[0] == cluster.endpoints[0]
    assert {one.name for one in gateway.member_list()} == {"m0", "m1", "m2"}
    _, _, ended = follow(gateway.watch("/x", "", 0))
    for member in cluster.members[1:]:
        member.kill()
    begun = time.monotonic()
    wait_for(lambda: ended, 10)
    assert ended[0].code == wire.UNAVAILABLE
    assert time.monotonic() - begun < 8 * SLOW
    assert len(gateway.member_list()) == 3


def test_a_token_that_is_waited_for_in_vain_is_said_no_more():
    """etcd waits for the moment of its making, to which a wiped store has yet to come."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        gateway = Gateway([url], timeout=0.2)
        for ask in (lambda: gateway.status(url), gateway.member_list):
            gateway._login.token = "of before"
            with pytest.raises(RegistryUnreachable, match="timed out"):
                ask()
            assert gateway._login.headers == {}
