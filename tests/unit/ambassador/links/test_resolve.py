"""Declared links + snapshot -> targets."""

from dataclasses import replace

import pytest
from arpanet_ambassador.links.resolve import (
    View,
    endpoint,
    lookups,
    published,
    resolve,
    unconfirmed,
    watched,
)
from arpanet_ambassador.links.specs import Endpoints, Foreign, Service, Srv

from arpanet.records import Target
from tests.unit.ambassador.records import instance

REDIS = Service("redis")


def view(*instances, **more):
    return View({"redis": instances}, "here", **more)


def addresses(spec, seen):
    return [f"{target.ip}:{target.port}" for target in resolve(spec, seen)]


def test_all_instances_sorted_with_their_ids():
    seen = view(instance("redis", "10.0.0.2", 6379), instance("redis", "10.0.0.1", 6379, name="b"))
    assert resolve(REDIS, seen) == (
        Target("10.0.0.1", 6379, "other:b:6379"),
        Target("10.0.0.2", 6379, "other:c:6379"),
    )


@pytest.mark.parametrize(
    ("healths", "chosen"),
    [
        (("healthy", "", "starting", "unhealthy"), [1, 2]),
        (("starting", "unhealthy"), [1]),
        (("unhealthy", "unhealthy"), [1, 2]),
        (("stopping", "unhealthy"), [2]),
        (("starting", "stopping", "unhealthy"), [1]),
    ],
)
def test_the_healthiest_there_are(healths, chosen):
    every = [instance("redis", f"10.0.0.{n}", 1, health=h) for n, h in enumerate(healths, 1)]
    every = [replace(one, id=one.ip) for one in every]
    assert addresses(REDIS, view(*every)) == [f"10.0.0.{n}:1" for n in chosen]


def test_an_address_that_every_plane_carries_goes_first():
    local = {"six": "[fd00::9]:6379", "private": "172.18.0.9:6379"}
    one = instance("redis", "10.0.0.1", 32768, host="here", local=local)
    for networks, expected in (({"six"}, "10.0.0.1:32768"), (local, "172.18.0.9:6379")):
        assert addresses(REDIS, view(one, networks=frozenset(networks))) == [expected]
    alone = replace(one, ip="", port=6379)
    assert addresses(REDIS, view(alone, networks=frozenset({"six"}))) == ["fd00::9:6379"]


def test_from_an_internal_network_only_what_is_in_it():
    near = instance("redis", "10.0.0.1", 1, host="here", local={"shut": "172.18.0.9:6379"})
    far = instance("redis", "10.0.0.2", 1, name="far")
    seen = view(near, far, networks=frozenset({"shut"}), routed=False)
    assert addresses(REDIS, seen) == ["172.18.0.9:6379"]
    with pytest.raises(ValueError, match="networks are internal, and no instance of redis here"):
        resolve(REDIS, view(far, networks=frozenset({"shut"}), routed=False))


@pytest.mark.parametrize(
    ("host", "networks", "expected"),
    [
        ("here", {"bridge"}, "172.17.0.9:6379"),
        ("here", {"private", "z"}, "172.18.0.9:6379"),
        ("here", {"elsewhere"}, "10.0.0.1:32768"),
        ("other", {"bridge"}, "10.0.0.1:32768"),
    ],
)
def test_container_address_only_on_this_host_and_a_shared_network(host, networks, expected):
    local = {"bridge": "172.17.0.9:6379", "private": "172.18.0.9:6379"}
    one = instance("redis", "10.0.0.1", 32768, host=host, local=local)
    assert addresses(REDIS, view(one, networks=frozenset(networks))) == [expected]


def test_unpublished_instance_is_reached_on_its_network_only():
    one = instance("redis", "10.0.0.1", 0, host="here", local={"bridge": "172.17.0.9:6379"})
    assert addresses(REDIS, view(one, networks=frozenset({"bridge"}))) == ["172.17.0.9:6379"]
    with pytest.raises(ValueError, match="publishes its port or shares a network"):
        resolve(REDIS, view(one))


@pytest.mark.parametrize(
    "ip",
    [
        "1.2.3.4; flush ruleset",
        "",
        "host",
        "127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "255.255.255.255",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "224.0.0.1",
    ],
)
def test_what_is_no_address_never_gets_into_a_rule(ip):
    bad = instance("redis", ip, 80, host="here", local={"bridge": f"{ip}:80", "x": "y"})
    good = instance("redis", "10.0.0.1", 80, name="good")
    networks = frozenset({"bridge", "x"})
    assert addresses(REDIS, view(bad, good, networks=networks)) == ["10.0.0.1:80"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("[fd00::1]:80", ("fd00::1", 80)),
        ("[::ffff:10.0.0.1]:80", ("10.0.0.1", 80)),
        ("10.0.0.1:0", None),
        ("10.0.0.1:65536", None),
        ("10.0.0.1:\u0663", None),
        ("10.0.0.1", None),
        ("", None),
    ],
)
def test_endpoint(text, found):
    assert endpoint(text) == found


@pytest.mark.parametrize(
    ("ip", "port"),
    [
        ("10.0.0.1", 80),
        ("fd00::1", 80),
        ("::ffff:10.0.0.1", 80),
        ("10.0.0.1", 0),
        ("10.0.0.1", 65536),
        ("127.0.0.1", 80),
        ("fe80::1%eth0", 80),
        ("x", 80),
        ("", 80),
    ],
)
def test_published(ip, port):
    """As its address is read, but without a text for each instance."""
    one = instance("redis", ip, port)
    assert published(one) == endpoint(one.address)
    if found := published(one):
        assert published(replace(one, port=81))[0] is found[0]


def test_an_unhealthy_reachable_one_beats_a_healthy_unreachable_one():
    hidden = instance("redis", "", 0, name="hidden", health="healthy")
    ill = instance("redis", "10.0.0.1", 1, health="unhealthy")
    assert addresses(REDIS, view(hidden, ill)) == ["10.0.0.1:1"]


@pytest.mark.parametrize(("health", "chosen"), [("healthy", 2), ("unhealthy", 2), ("stopping", 3)])
def test_what_does_not_answer_is_no_better(health, chosen):
    """The others' health is judged among those that answer; what is stopping beats nobody."""
    seen = view(
        instance("redis", "10.0.0.1", 1, health="healthy", unconfirmed=True),
        instance("redis", "10.0.0.2", 1, name="two", health=health),
        instance("redis", "10.0.0.3", 1, name="three", health="unhealthy"),
        silent={("10.0.0.1", 1)},
    )
    assert f"10.0.0.{chosen}:1" in addresses(REDIS, seen)
    assert "10.0.0.1:1" not in addresses(REDIS, seen)


def test_what_the_registry_has_and_does_not_answer_is_left_out_while_others_do():
    one, two = (instance("redis", f"10.0.0.{n}", n, name=f"n{n}") for n in (1, 2))
    seen = view(one, two, silent={("10.0.0.1", 1)})
    assert addresses(REDIS, seen) == ["10.0.0.2:2"]
    every = view(one, two, silent={("10.0.0.1", 1), ("10.0.0.2", 2)})
    assert addresses(REDIS, every) == ["10.0.0.1:1", "10.0.0.2:2"]


def test_what_this_host_has_is_watched_as_others_are():
    near = instance("redis", "10.0.0.1", 1, name="near", host="here")
    far = instance("redis", "10.0.0.2", 2, name="far", host="far")
    lost = instance("redis", "10.0.0.3", 3, name="lost", host="far", unconfirmed=True)
    gone = instance("redis", "10.0.0.4", 4, name="gone", host="far", health="stopping")
    seen = view(near, far, lost, gone)
    assert watched(REDIS, seen) == {("10.0.0.1", 1), ("10.0.0.2", 2)}
    assert unconfirmed(REDIS, seen) == {("10.0.0.3", 3)}


@pytest.mark.parametrize("health", ["healthy", "starting"])
def test_who_recovers_takes_all_again(health):
    ill = instance("redis", "10.0.0.1", 1, health="unhealthy")
    other = instance("redis", "10.0.0.2", 1, name="other", health="unhealthy")
    assert addresses(REDIS, view(ill, other)) == ["10.0.0.1:1", "10.0.0.2:1"]
    assert addresses(REDIS, view(ill, replace(other, health=health))) == ["10.0.0.2:1"]


def test_what_only_stops_is_no_target_and_the_reason():
    stopping = instance("redis", "10.0.0.1", 1, health="stopping")
    with pytest.raises(ValueError, match="redis has no instance but what is stopping"):
        resolve(REDIS, view(stopping))
    with pytest.raises(ValueError, match="redis has no instance but what is stopping"):
        resolve(REDIS, view(stopping, instance("redis", "10.0.0.2", 1, name="u", protocol="udp")))
    assert unconfirmed(REDIS, view(replace(stopping, unconfirmed=True))) == frozenset()


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ((("tag", "master"),), [1]),
        ((("tag", "eu"),), [1, 2]),
        ((("tag", "eu"), ("tag", "master")), [1]),
        ((("zone", "b"),), [2]),
    ],
)
def test_selector(wanted, chosen):
    one = instance("redis", "10.0.0.1", 1, tags=("master", "eu"), attrs={"zone": "a"})
    two = instance("redis", "10.0.0.2", 1, name="d", tags=("eu",), attrs={"zone": "b"})
    found = addresses(Service("redis", wanted), view(one, two))
    assert found == [f"10.0.0.{n}:1" for n in chosen]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (Service("pg"), "service pg has no instance"),
        (Service("redis", (("tag", "x"),)), "no instance with tag=x"),
        (Srv("_a._tcp.b"), "not answered for _a._tcp.b yet"),
        (Endpoints((("db", 1),)), "not answered for db yet"),
    ],
)
def test_nothing(spec, says):
    with pytest.raises(ValueError, match=says):
        resolve(spec, view(instance("redis", "10.0.0.1", 1)))


def test_protocols_are_told_apart():
    udp = view(instance("redis", "10.0.0.1", 1, protocol="udp"))
    with pytest.raises(ValueError, match="no tcp instance: declare its port with /udp or _UDP"):
        resolve(REDIS, udp)
    assert addresses(REDIS, replace(udp, protocol="udp")) == ["10.0.0.1:1"]
    with pytest.raises(ValueError, match="no udp instance: leave out the udp"):
        resolve(REDIS, view(instance("redis", "10.0.0.1", 1), protocol="udp"))


def test_names_and_addresses_together():
    spec = Endpoints((("10.0.0.1", 1), ("fd00::1", 1), ("db", 2), ("lost", 3)))
    answers = {("db", 2): (("10.0.0.7", 2), ("10.0.0.8", 2)), ("lost", 3): "no such name"}
    assert lookups(spec) == {("db", 2), ("lost", 3)}
    assert addresses(spec, view(answers=answers)) == [
        "10.0.0.1:1",
        "10.0.0.7:2",
        "10.0.0.8:2",
        "fd00::1:1",
    ]


def test_what_dns_said_is_the_reason():
    with pytest.raises(ValueError, match="no such name"):
        resolve(Endpoints((("lost", 3),)), view(answers={("lost", 3): "no such name"}))


def test_dns_is_believed_no_more_than_the_registry():
    answers = {("db", 2): (("127.0.0.1", 2), ("10.0.0.7", 2), ("::ffff:169.254.169.254", 2))}
    assert addresses(Endpoints((("db", 2),)), view(answers=answers)) == ["10.0.0.7:2"]
    answers = {("_a._tcp.b", 0): (("127.0.0.1", 2),)}
    with pytest.raises(ValueError, match=r"DNS says of _a\._tcp\.b: '127.0.0.1' is the loopback"):
        resolve(Srv("_a._tcp.b"), view(answers=answers))


CONSUL = Foreign("consul", "consul:redis")


def test_what_a_plugin_answers_is_checked_as_the_registry_is():
    answer = (("10.0.0.2", 1), ("127.0.0.1", 1), ("fd00::1", 1), ("x; flush", 1), ("10.0.0.1", 0))
    assert lookups(CONSUL) == {CONSUL}
    assert addresses(CONSUL, view(answers={CONSUL: answer})) == ["10.0.0.2:1", "fd00::1:1"]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "no plugin has answered for consul:redis yet"),
        ({CONSUL: "Consul is away"}, "Consul is away"),
        ({CONSUL: ()}, "consul:redis has no instance"),
        ({CONSUL: (("127.0.0.1", 80),)}, "at an address that can be dialled"),
    ],
)
def test_a_plugin_that_gives_no_address(answers, says):
    with pytest.raises(ValueError, match=says):
        resolve(CONSUL, view(answers=answers))


# -- what the registry lost ----------------------------------------------------------------------

CONFIRMED = instance("redis", "10.0.0.1", 1)
LOST = instance("redis", "10.0.0.2", 1, name="lost", unconfirmed=True)
OTHER = instance("redis", "10.0.0.3", 1, name="other", unconfirmed=True)


@pytest.mark.parametrize(
    ("instances", "silent", "chosen"),
    [
        ((CONFIRMED, LOST), [], [1, 2]),
        ((CONFIRMED, LOST), [2], [1]),
        ((LOST, OTHER), [2], [3]),
        ((LOST, OTHER), [2, 3], [2, 3]),  # nothing answers: the last known stay
        ((CONFIRMED,), [1], [1]),  # what is confirmed is not doubted
    ],
)
def test_what_the_registry_lost_stays_as_long_as_it_answers(instances, silent, chosen):
    seen = view(*instances, silent={(f"10.0.0.{n}", 1) for n in silent})
    assert addresses(REDIS, seen) == [f"10.0.0.{n}:1" for n in chosen]


def test_only_what_the_registry_lost_is_to_be_dialled():
    assert unconfirmed(REDIS, view(CONFIRMED, LOST)) == {("10.0.0.2", 1)}
    assert unconfirmed(REDIS, view(LOST, protocol="udp")) == frozenset()
    by_udp = instance("redis", "10.0.0.4", 1, protocol="udp", unconfirmed=True)
    assert unconfirmed(REDIS, view(LOST, by_udp, protocol="udp")) == {("10.0.0.4", 1)}
    assert unconfirmed(Srv("_a._tcp.b"), view(LOST)) == frozenset()
    assert unconfirmed(Service("pg"), view(LOST)) == frozenset()
