"""etcd's v3 JSON, as plain values."""

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.client.wire import Event, Value


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
        (500, b'{"error":"etcdserver: request timed out","code":2}', 2, True, "request timed out"),
        (500, b'{"error":"broken","code":2}', 2, False, "broken"),
        (404, b"404 page not found\n", 12, False, "HTTP 404 404 page not found"),
        (503, b"bad gateway", 14, True, "HTTP 503 bad gateway"),
        (418, b"[]", 2, False, "HTTP 418 []"),
    ],
)
def test_errors_come_in_many_forms(status, body, code, temporary, message):
    problem = wire.failure(status, body)
    assert (problem.code, problem.temporary) == (code, temporary)
    assert problem.message == f"etcd says: {message}"
