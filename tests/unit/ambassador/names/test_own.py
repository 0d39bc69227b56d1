"""Addresses for names that are dialled."""

from ipaddress import ip_address, ip_network

from arpanet_ambassador.links.declare import Declaring, declared
from arpanet_ambassador.names.own import allocate, lines, named

from tests.unit.ambassador.records import AMBASSADOR, by_id, container


def test_each_name_has_an_address_of_its_own():
    names = [f"name{n}" for n in range(2000)]
    found = allocate(names)
    assert found.keys() == set(names)
    assert len(set(found.values())) == 2000
    assert all(ip_address(one) in ip_network("127.77.0.0/16") for one in found.values())


def test_addresses_stay():
    assert allocate(["cache", "queue"]) == allocate({"queue", "cache"})
    assert allocate(["cache"])["cache"] == allocate(["cache", "queue", "db"])["cache"]


def only(**labels):
    found = declared(
        Declaring(containers=by_id(container("web", labels=labels)), ambassador=AMBASSADOR)
    )
    return named(found)


def test_names_of_labels():
    labels = {
        "connect.Cache:6379": "redis-cache",
        "connect.6379": "Redis",
        "connect.80": "1.2.3.4:80",
    }
    assert only(**labels) == ({"cache"}, {"redis"})
    assert only(**{"connect.80": "a b"}) == (set(), set())


def test_names_that_are_there_are_left_alone():
    text = "127.0.0.1\tlocalhost\n10.0.0.9 Redis db # cache"
    found = lines(text, {"redis": "127.77.0.1", "cache": "127.77.0.2", "localhost": "127.77.0.3"})
    assert found == "\n127.77.0.2\tcache\n"
    assert lines(f"{text}{found}", {"cache": "127.77.0.2"}) == ""
