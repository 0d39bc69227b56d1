"""Records as keys, and back."""

import json
from dataclasses import replace

import pytest
from arpanet_etcd.registry.keys import Key, Layout, instance_of_leaf

from arpanet.records import Instance

LAYOUT = Layout("/arpanet")
REDIS = Instance(
    "h1:r0:6379",
    ("redis", "cache"),
    "h1",
    "10.0.0.1",
    10000,
    container="c" * 64,
    tags=("a", "b"),
    attrs={"k": "v"},
    health="healthy",
    local={"bridge": "172.17.0.2:6379"},
)


def test_the_keys_are_those_that_registrator_writes_and_the_record():
    entries = LAYOUT.entries(REDIS)
    record = entries.pop("/arpanet/instances/h1/h1:r0:6379")
    assert json.loads(record)["port"] == 10000
    assert entries == {
        "/arpanet/services/redis/h1:r0:6379": "10.0.0.1:10000",
        "/arpanet/services/cache/h1:r0:6379": "10.0.0.1:10000",
    }
    assert LAYOUT.host("h1") == "/arpanet/hosts/h1"


def test_what_is_stopping_has_its_record_only():
    assert list(LAYOUT.entries(replace(REDIS, health="stopping"))) == [
        "/arpanet/instances/h1/h1:r0:6379"
    ]


def test_a_leaf_has_an_ipv6_address_in_brackets():
    six = Instance("h1:d0:53:udp", ("dns",), "h1", "fd00::1", 53, "udp")
    assert LAYOUT.entries(six)["/arpanet/services/dns/h1:d0:53:udp"] == "[fd00::1]:53"


def test_what_only_its_host_reaches_has_a_record_and_nothing_for_others_to_read():
    assert list(LAYOUT.entries(replace(REDIS, ip=""))) == ["/arpanet/instances/h1/h1:r0:6379"]


@pytest.mark.parametrize(
    "name", ["a/b", "50%", "é ü", "_x", "..", ".", "a?b#c", "%2F", "\n", "a,b"]
)
def test_any_name_makes_a_key_of_safe_characters_and_comes_back(name):
    one = Instance(name, (name,), name, "10.0.0.1", 1)
    record, leaf = LAYOUT.entries(one)
    assert LAYOUT.parse(record) == Key("instances", name, host=name)
    assert LAYOUT.parse(LAYOUT.former(name)) == Key("instances", name)
    assert LAYOUT.parse(LAYOUT.host(name)) == Key("hosts", name)
    assert LAYOUT.parse(leaf) == Key("services", name, name)
    assert record.count("/") == 4
    assert record.isascii()
    assert not set(record) & set("?# \n")


@pytest.mark.parametrize(
    "key",
    [
        "/arpanet",
        "/arpanet/",
        "/arpanet/services/redis",
        "/arpanet/services/redis/",
        "/arpanet/services/a/b/c",
        "/arpanet/join/lock",
        "/arpanet/hosts/",
        "/arpanet/hosts/h%31",
        "/arpanet/instances/h1/%61",
        "/arpanet/instances/%61",
        "/arpanet/instances/h1/a/b",
        "/arpanetx/hosts/h1",
        "/other",
    ],
)
def test_other_keys_are_not_taken_for_ours(key):
    assert LAYOUT.parse(key) is None


def test_what_others_write_is_read_when_it_is_asked_for():
    leaf = LAYOUT.leaf("redis", "x")
    for layout, read in ((LAYOUT, False), (Layout("/arpanet", foreign=True), True)):
        first, end = layout.span
        assert all(first <= key < end for key in (LAYOUT.host("h"), LAYOUT.record("h", "é")))
        assert (first <= leaf < end) is read


@pytest.mark.parametrize(
    ("instance_id", "address", "expected"),
    [
        ("h1:r0:6379", "10.0.0.1:80", Instance("h1:r0:6379", ("s",), "h1", "10.0.0.1", 80)),
        (
            "h1:d0:53:udp",
            "[fd00::1]:53\n",
            Instance("h1:d0:53:udp", ("s",), "h1", "fd00::1", 53, "udp"),
        ),
        ("db", "10.0.0.9:5432", Instance("db", ("s",), "", "10.0.0.9", 5432)),
    ],
)
def test_a_leaf_alone_tells_the_least(instance_id, address, expected):
    assert instance_of_leaf(instance_id, ("s",), address) == expected


@pytest.mark.parametrize(
    "address", ["", "10.0.0.1", "db.example:80", "10.0.0.1:", "10.0.0.1:0", "{}"]
)
def test_a_leaf_that_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match=r"."):
        instance_of_leaf("x", ("s",), address)
