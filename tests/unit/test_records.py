"""The vocabulary."""

import dataclasses

import pytest

from arpanet import records
from arpanet.records import Instance, Snapshot


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
