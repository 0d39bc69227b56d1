"""Names and addresses."""

from ipaddress import IPv4Network

import pytest
from arpanet_lab import plan

from arpanet.errors import ArpanetError, UsageError

PLAN = plan.Plan(IPv4Network("10.77.3.0/24"))


@pytest.mark.parametrize("name", ["a", "lab", "t1234567", "a-b", "a" * 12])
def test_good_names(name: str) -> None:
    assert plan.check_name(name) == name
    assert len(plan.uplink_name(name)) <= 15


@pytest.mark.parametrize("name", ["", "a" * 13, "1a", "A", "a_b", "..", "a/b", "-a", "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a lab"):
        plan.check_name(name)


def test_sizes() -> None:
    assert [plan.check_size(size) for size in (1, 50)] == [1, 50]
    for size in (0, 51, -1):
        with pytest.raises(UsageError, match="take 1 to 50"):
            plan.check_size(size)


def test_addresses() -> None:
    assert str(PLAN.gateway) == "10.77.3.1"
    assert [str(PLAN.address(name)) for name in plan.host_names(2)] == ["10.77.3.11", "10.77.3.12"]
    assert PLAN.mac("host1") == "02:a1:0a:4d:03:0b"
    everybody = {PLAN.address(name) for name in plan.host_names(plan.MAX_HOSTS)}
    assert len(everybody) == plan.MAX_HOSTS and everybody < set(PLAN.subnet.hosts())


@pytest.mark.parametrize(
    ("taken", "chosen"),
    [
        ([], "10.77.0.0/24"),
        (["10.77.0.1/32", "192.168.0.0/16"], "10.77.1.0/24"),
        (["10.77.0.0/16"], "10.177.0.0/24"),
    ],
)
def test_subnet_that_is_free(taken: list[str], chosen: str) -> None:
    assert str(plan.choose_subnet(map(IPv4Network, taken))) == chosen


def test_no_subnet_is_free() -> None:
    with pytest.raises(ArpanetError, match="has a route on this machine"):
        plan.choose_subnet([IPv4Network("10.0.0.0/8")])


def test_files() -> None:
    assert plan.hosts_file(PLAN, 2) == (
        "127.0.0.1 localhost\n"
        "::1 localhost ip6-localhost ip6-loopback\n"
        "10.77.3.11 host1\n"
        "10.77.3.12 host2\n"
    )
    assert plan.resolver_file(PLAN).startswith("nameserver 10.77.3.1\n")
