"""etcd's v3 JSON, as plain values."""

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import Event, NotEtcd, Value


@pytest.mark.parametrize("text", ["", "/a/b", "é", b"\xff\x00".decode("utf-8", "surrogateescape")])
def test_keys_and_values_survive_the_round_trip(text):
    assert wire.decode(wire.encode(text)) == text


def test_a_prefix_ends_before_the_next_key():
    assert wire.prefix_end("/arpanet/") == "/arpanet0"


def test_fields_that_etcd_leaves_out_are_zero():
    assert wire.kvs({"kvs": [{"key": "YQ=="}]}) == {"a": Value("", 0, 0, 0)}
    assert wire.kvs({"count": "0"}) == {}


def test_events_of_both_kinds():
    put = {"kv": {"key": "YQ==", "value": "Yg==", "mod_revision": "7", "create_revision": "3"}}
    gone = {"type": "DELETE", "kv": {"key": "YQ==", "mod_revision": "8"}}
    assert wire.events({"events": [put, gone]}) == (
        Event("a", Value("b", 7, 0, 3), 7),
        Event("a", None, 8),
    )


@pytest.mark.parametrize(
    ("status", "body", "code", "temporary", "message"),
    [
        (400, b'{"error":"etcdserver: x","message":"etcdserver: x","code":9}', 9, False, "x"),
        (
            200,
            b'{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}',
            14,
            True,
            "no leader",
        ),
        (503, b'{"code":4,"message":"late"}', 4, True, "late"),
        (
            400,
            b'{"code":9,"message":"etcdserver: rpc not supported for learner"}',
            9,
            True,
            "rpc not supported for learner",
        ),
        (500, b'{"error":"etcdserver: request timed out","code":2}', 2, True, "request timed out"),
        (
            500,
            b'{"error":"OK: HTTP status code 200; transport: missing content-type field","code":2}',
            2,
            True,
            "OK: HTTP status code 200; transport: missing content-type field",
        ),
        (500, b'{"error":"broken","code":2}', 2, False, "broken"),
        (429, b'{"code":8,"message":"etcdserver: mvcc: database space exceeded"}', 8, False, None),
    ],
)
def test_errors_come_in_many_forms(status, body, code, temporary, message):
    problem = wire.failure(status, body)
    assert (problem.code, problem.temporary) == (code, temporary)
    assert not isinstance(problem, NotEtcd)
    assert problem.message == f"etcd says: {message or 'mvcc: database space exceeded'}"
    assert wire.full(problem) is (message is None)


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (404, b"404 page not found\n", 12, "HTTP 404 404 page not found"),
        (503, b"bad\x1b[31m  gateway", 14, "HTTP 503 bad[31m gateway"),
        (418, b"[]", 14, "HTTP 418 []"),
        (401, b'{"code": 401, "message": "who are you?"}', 14, "HTTP 401"),
        (200, b"<html>" + b"x" * 100_000, 14, "HTTP 200 <html>xxx"),
        (500, b"[" * 100_000, 14, "HTTP 500 ["),
        (400, b"Client sent an HTTP request to an HTTPS server.", 14, "it speaks TLS"),
    ],
)
def test_what_is_no_etcd_is_told_from_it(status, body, code, says):
    problem = wire.failure(status, body)
    assert isinstance(problem, NotEtcd)
    assert problem.code == code
    assert says in problem.message
    assert len(problem.message) < 120


def test_a_position_is_read_from_answers_and_streams():
    header = {"cluster_id": "10", "raft_term": "3", "revision": "7"}
    assert wire.position({"header": header}) == Position("10", 3, 7)
    assert wire.position({"result": {"header": header}}) == Position("10", 3, 7)
    for nothing in ({}, {"header": {}}, {"header": {"cluster_id": []}}, {"result": 1}):
        with pytest.raises(ValueError, match=r"."):
            wire.position(nothing)


def test_a_history_goes_on_or_is_another():
    here = Position("10", 3, 7)
    assert Position().goes_on(here)
    assert here.goes_on(here)
    assert here.goes_on(Position("10", 4, 8))
    for other in (Position("11", 4, 8), Position("10", 2, 8), Position("10", 4, 6)):
        assert not here.goes_on(other)
    assert str(here) == "revision 7 of cluster a"
