"""Addresses for names that are dialled."""

from ipaddress import ip_address, ip_network

from arpanet_ambassador.names.own import allocate


def test_each_name_has_an_address_of_its_own():
    names = [f"name{n}" for n in range(2000)]
    found = allocate(names)
    assert found.keys() == set(names)
    assert len(set(found.values())) == 2000
    assert all(ip_address(one) in ip_network("127.77.0.0/16") for one in found.values())


def test_addresses_stay():
    assert allocate(["cache", "queue"]) == allocate({"queue", "cache"})
    assert allocate(["cache"])["cache"] == allocate(["cache", "queue", "db"])["cache"]
