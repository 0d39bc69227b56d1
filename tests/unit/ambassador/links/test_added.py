"""Links that were added to running containers."""

from dataclasses import replace

import pytest
from arpanet_ambassador.links.added import (
    Added,
    Now,
    by_container,
    decode,
    due,
    encode,
    port_of,
    put,
    without,
)
from arpanet_ambassador.links.addition import judged
from arpanet_ambassador.links.declare import CONNECT, Declaring, declared
from arpanet_ambassador.links.specs import Service
from arpanet_ambassador.names.own import named

from tests.unit.ambassador.records import AMBASSADOR, backends, by_id, container

REDIS = Added("id-web", 6379, "tcp", "redis")
DNS = Added("id-web", 53, "udp", "dns", 100.0)


def world(*containers, added=()):
    everything = by_id(*(containers or [container("web")]), backends())
    found = by_container(added, Now(0.0))
    return Declaring(containers=everything, ambassador=AMBASSADOR, added=found)


def test_what_is_written_can_be_read():
    assert decode(encode([REDIS, DNS])) == (DNS, REDIS)
    assert decode(encode(())) == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "7", "[7]", '[["a", 1]]', '[["a", "1", "tcp", "redis", 0]]', "[[[[[[["],
)
def test_a_file_that_makes_no_sense(text):
    with pytest.raises(ValueError):
        decode(text)


def test_one_ends_at_its_time_and_tells_when():
    assert by_container([REDIS, DNS], Now(99.9)) == {"id-web": (REDIS, DNS)}
    assert by_container([REDIS, DNS], Now(100.0)) == {"id-web": (REDIS,)}
    assert due(by_container([REDIS, DNS], Now(0.0)), Now(0.0)) == 100.0
    assert due(by_container([REDIS], Now(0.0)), Now(0.0)) is None


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
def test_it_ends_at_its_time_wherever_the_clock_was_put(jump):
    timed = Added("id-web", 53, "udp", "dns", 1060.0, "this", 110.0)
    before, after = (Now(wall + jump, "this", up) for wall, up in ((1030, 80), (1070, 120)))
    assert due(by_container([timed], before), before) == 30
    assert by_container([timed], after) == {}
    # of what was before another boot, the wall alone tells
    assert bool(by_container([timed], before._replace(boot="next"))) is (jump <= 0)


def test_what_a_former_version_kept_goes_by_the_wall():
    (one,) = decode('[["id-web", 53, "udp", "dns", 100.0]]')
    assert one == DNS


def test_a_port_has_one_link_and_the_last_word_counts():
    other = Added("id-web", 6379, "tcp", "cache")
    assert put([REDIS, DNS], other) == (DNS, other)
    assert without([REDIS, DNS], DNS.dialled) == (REDIS,)
    assert put([REDIS], Added("id-web", 6379, "udp", "redis"))[0] == REDIS


@pytest.mark.parametrize(("text", "means"), [("6379", (6379, "tcp")), ("53/udp", (53, "udp"))])
def test_ports(text, means):
    assert port_of(text) == means


@pytest.mark.parametrize("text", ["", "redis", "cache:6379", "6379/sctp", "-1", "6379 ", "6 79"])
def test_what_is_no_port(text):
    with pytest.raises(ValueError, match="is no port: write <port>"):
        port_of(text)


def test_it_is_a_link_like_those_of_labels():
    (link,) = declared(world(added=[REDIS]))
    assert (link.form, link.dials, link.spec) == (CONNECT, "localhost:6379", Service("redis"))
    (link,) = declared(world(added=[DNS]))
    assert (link.dials, link.protocol) == ("localhost:53/udp", "udp")


def test_it_gives_no_name_so_that_addresses_stay_as_they_are():
    labelled = container("web", labels={"connect.80": "shop"})
    assert named(declared(world(labelled, added=[REDIS]))) == (set(), {"shop"})


def test_what_the_container_declares_wins():
    labelled = container("web", labels={"connect.6379": "cache"})
    found = {link.text: link for link in declared(world(labelled, added=[REDIS]))}
    assert found["cache"].error == ""
    assert found["redis"].error == "container web itself declares port 6379, as 'cache'"


def test_what_another_of_the_same_network_declares_wins():
    home = container("home", labels={"connect.6379": "cache"})
    web = container("web", mode="container:id-home")
    with pytest.raises(ValueError, match="container home itself declares port 6379"):
        judged(REDIS, world(home, web))


def test_one_may_take_the_place_of_what_was_added_before():
    fresh = Added("id-web", 6379, "tcp", "cache")
    assert judged(fresh, world(added=[REDIS])).text == "cache"


@pytest.mark.parametrize(
    ("fresh", "containers", "says"),
    [
        (Added("id-web", 0, "tcp", "redis"), [], "0 is no port"),
        (Added("id-web", 65536, "tcp", "redis"), [], "65536 is no port"),
        (Added("id-web", 80, "tcp", "a b"), [], "neither a service name"),
        (Added("id-web", 80, "tcp", ""), [], "the value is empty"),
        (Added("id-web", 80, "tcp", "127.0.0.1:80"), [], "loopback of whoever dials it"),
        (REDIS, [container("web", mode="none")], "without a network cannot have links"),
        (Added(f"id-{AMBASSADOR}", 80, "tcp", "redis"), [], "it has no links itself"),
    ],
)
def test_what_can_be_no_link(fresh, containers, says):
    with pytest.raises(ValueError, match=says):
        judged(fresh, world(*containers))


def test_one_that_no_plane_would_carry_is_refused():
    with pytest.raises(ValueError, match="ARPANET_PLANE=proxy can't serve"):
        judged(REDIS, world(), proxy_only=True)
    home = replace(container("home"), runtime="runsc")
    guest = container("web", mode="container:id-home")
    with pytest.raises(ValueError, match="the runtime runsc has a network stack of its own"):
        judged(REDIS, world(home, guest))


def test_a_thousand_links_of_one_container():
    many = [Added("id-web", port, "tcp", "redis") for port in range(1, 1001)]
    found = declared(world(added=many))
    assert [link.port for link in found] == list(range(1, 1001))
    assert not any(link.error for link in found)
