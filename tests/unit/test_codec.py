"""Records as JSON text, and back."""

import json
from dataclasses import replace

import pytest

from arpanet.codec import DEPTH, decode_address, decode_host, decode_instance, encode, parse
from arpanet.records import Host, Instance

REDIS = Instance(
    "h1:r0:6379",
    ("redis", "cache"),
    "h1",
    "10.0.0.1",
    10000,
    container="c" * 64,
    tags=("a", "b"),
    attrs={"k": "v", "a": "b"},
    health="healthy",
    local={"bridge": "172.17.0.2:6379"},
    started=1704067200.123,
)
HOST = Host("h1", "10.0.0.1", "engine", ("slave", "master"), "1.0", 12.5)


def test_records_survive_the_round_trip():
    assert decode_instance(REDIS.id, encode(REDIS)) == REDIS
    assert decode_host("h1", encode(HOST)) == HOST
    six = Instance("h1:d0:53:udp", ("dns",), "h1", "fd00::1", 53, "udp")
    assert decode_instance(six.id, encode(six)) == six


def test_what_is_alike_in_many_is_in_memory_once():
    other = replace(REDIS, id="h1:r1:6379", local={"bridge": "172.17.0.3:6379"})
    one, two = (decode_instance(each.id, encode(each)) for each in (REDIS, other))
    assert not hasattr(one, "__dict__")
    for name in ("services", "host", "ip", "tags", "attrs", "health"):
        assert getattr(one, name) is getattr(two, name), name


def test_what_only_its_own_host_reaches_survives_the_round_trip():
    private = replace(REDIS, ip="", port=6379)
    assert decode_instance(private.id, encode(private)) == private
    assert private.address == ""


def test_that_an_entry_vanished_is_what_a_reader_knows_and_is_not_written():
    assert encode(replace(REDIS, unconfirmed=True)) == encode(REDIS)


def test_fields_that_later_versions_add_are_ignored_and_missing_ones_have_defaults():
    text = '{"ip": "10.0.0.1", "port": 80, "weight": {"new": [1]}}'
    assert decode_instance("x", text) == Instance("x", (), "", "10.0.0.1", 80)
    assert decode_host("h", '{"zone": 3}') == Host("h", "")


@pytest.mark.parametrize(
    "change",
    [
        {"ip": "10.0.0.1; flush ruleset"},
        {"ip": None},
        {"port": "80"},
        {"port": True},
        {"port": 0},
        {"port": 65536},
        {"protocol": "icmp"},
        {"id": "other"},
        {"services": "redis"},
        {"services": [1]},
        {"attrs": {"a": 1}},
        {"host": 5},
        {"started": "now"},
        {"started": True},
        {"started": 10**400},
        {"started": float("nan")},
    ],
)
def test_a_record_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match=r"."):
        decode_instance(REDIS.id, json.dumps({**json.loads(encode(REDIS)), **change}))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"started": "now"}', '{"started": 1e999}', "1"]
)
def test_a_host_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        decode_host("h", text)


FLAT = [{"key": f'}}]]"{number}\\', "of": [{}]} for number in range(DEPTH)]


@pytest.mark.parametrize("kind", [str, str.encode])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_json_may_be_long_but_not_deep(begin, end, kind):
    def nested(times: int, beside: object = ()) -> str:
        return f"[{json.dumps(beside)},{begin * (times - 1)}0{end * (times - 1)}]"

    assert parse(kind(nested(DEPTH, FLAT)))[0] == FLAT
    for much in (DEPTH + 1, 100_000):
        for beside in ((), FLAT):
            with pytest.raises(ValueError, match="nested too deeply"):
                parse(kind(nested(much, beside)))
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(kind(begin * 100_000))


def test_brackets_in_strings_are_no_depth_and_hide_none():
    strings = ["[" * 1000, '\\"' + "{" * 1000]
    assert parse(json.dumps(strings)) == strings
    for one in ('["]",', '["\\"]",', '["\\\\","]",', '{"}":'):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse(one * 1000)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 50, b"\xff", "[1]".encode("utf-16"), b'["a'])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_equal_records_give_equal_text():
    turned = replace(REDIS, attrs=dict(reversed(REDIS.attrs.items())))
    assert encode(turned) == encode(REDIS)


@pytest.mark.parametrize("ip", ["10.0.0.1", "fd00::1"])
def test_an_address_survives_the_round_trip(ip):
    assert decode_address(replace(REDIS, ip=ip).address) == (ip, 10000)


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.1", "db:80", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "::1:\u0663"],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        decode_address(text)
