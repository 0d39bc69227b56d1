"""The vocabulary."""

import dataclasses
from dataclasses import replace

import pytest

from arpanet import records
from arpanet.records import Host, Instance, Snapshot


@pytest.mark.parametrize(
    ("ip", "address"), [("10.0.0.1", "10.0.0.1:80"), ("fd00::1", "[fd00::1]:80")]
)
def test_an_instances_address(ip, address):
    assert Instance("x", ("web",), "h1", ip, 80).address == address


def test_services_are_sorted_and_an_instance_counts_under_each_of_its_names():
    b, a = (Instance(key, ("web", "app"), "h1", "10.0.0.1", 80) for key in "ba")
    assert Snapshot({"b": b, "a": a}).services() == {"app": (a, b), "web": (a, b)}


@pytest.mark.parametrize("name", records.__all__)
def test_records_are_frozen_and_compare_by_value(name):
    kind = getattr(records, name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert kind.__dataclass_params__.eq


REDIS = Instance("h1:r:6379", ("redis",), "h1", "10.0.0.1", 1)
PG = Instance("h1:p:5432", ("pg",), "h1", "10.0.0.2", 1)


def holding(*instances: Instance) -> Snapshot:
    return Snapshot({one.id: one for one in instances})


def test_which_services_a_change_touches():
    before = holding(REDIS, PG)

    def touched(*instances: Instance) -> frozenset[str]:
        return holding(*instances).diff(before).services

    assert touched(REDIS, PG) == frozenset()
    assert touched(replace(REDIS), PG) == frozenset()
    assert touched(replace(REDIS, ip="10.0.0.9"), PG) == {"redis"}
    assert touched(REDIS, replace(PG, services=("pg", "db"))) == {"pg", "db"}
    assert touched(REDIS) == {"pg"}
    assert before.diff(holding(REDIS)).services == {"pg"}


def test_hosts_that_differ():
    one, two = Host("h1", "10.0.0.1"), Host("h2", "10.0.0.2")
    before = Snapshot(hosts={"h1": one, "h2": two})
    assert before.diff(before).hosts == frozenset()
    assert Snapshot(hosts={"h1": replace(one, address="10.0.0.9")}).diff(before).hosts == {
        "h1",
        "h2",
    }
    assert Snapshot(hosts={"h1": replace(one, listed=9), "h2": two}).diff(before).hosts == set()


def test_services_that_moved():
    one, two = (Instance(key, ("shop",), "h1", "10.0.0.1", 80) for key in "ab")
    other = Instance("c", ("other", "both"), "h1", "10.0.0.2", 80)
    before = Snapshot({one.id: one, other.id: other})
    assert before.moved(before) == frozenset()
    assert Snapshot({one.id: one, other.id: replace(other)}).moved(before) == frozenset()
    assert Snapshot({one.id: one, two.id: two, other.id: other}).moved(before) == {"shop"}
    assert Snapshot({one.id: replace(one, health="unhealthy")}).moved(before) == {
        "shop",
        "other",
        "both",
    }
    assert before.moved(Snapshot()) == {"shop", "other", "both"}
