"""What arpanet.registry promises, kept by every registry: in memory, over v3, over v2."""

from itertools import pairwise

import pytest

from arpanet.errors import RegistryError
from arpanet.records import Host, Instance, Snapshot
from arpanet.registry import MemoryRegistry
from tests.conftest import wait_for
from tests.services.etcd.cluster import etcd_version

H1 = Host("h1", "10.0.0.1", "engine-1", ("slave",), "1.0", 1000.5)
H2 = Host("h2", "10.0.0.2", "engine-2")
TWIN = Host("h1", "10.0.0.7", "engine-7")
REDIS = Instance(
    "h1:r0:6379",
    ("redis", "cache", "weird name/%2F?#é", "_hidden", ".."),
    "h1",
    "10.0.0.1",
    10000,
    "tcp",
    "c" * 64,
    ("master", "a,b"),
    {"weight": "5"},
    "healthy",
    {"bridge": "172.17.0.2:6379"},
)
DNS = Instance("h1:d0:53:udp", ("dns",), "h1", "fd00::1", 53, "udp")
WEB = Instance("h2:w0:80", ("web",), "h2", "10.0.0.2", 8080)


@pytest.fixture(params=["memory", "v3", "v2", "auto"])
def registry(request):
    if request.param == "memory":
        return MemoryRegistry()
    if request.param == "v2" and etcd_version() >= (3, 6):
        pytest.skip("etcd 3.6 has no v2")
    one_etcd, connect = request.getfixturevalue("one_etcd"), request.getfixturevalue("connect")
    return connect(one_etcd, request.param)


def settles(registry, *instances):
    """Wait until *instances* are all there are."""
    expected = {one.id: one for one in instances}
    wait_for(lambda: registry.read().instances == expected, 5)


def test_a_session_holds_exactly_what_was_last_published(registry):
    one, two = registry.session(H1), registry.session(H2)
    one.publish([REDIS, DNS])
    two.publish(iter([WEB]))
    settles(registry, REDIS, DNS, WEB)
    assert registry.read() == Snapshot(
        {REDIS.id: REDIS, DNS.id: DNS, WEB.id: WEB}, {"h1": H1, "h2": H2}
    )
    one.publish([DNS])
    settles(registry, DNS, WEB)
    one.publish(())
    settles(registry, WEB)
    assert one.trouble == two.trouble == ""
    two.close()
    assert set(registry.read().instances) == {WEB.id}


def test_services_are_listed_under_all_their_names(registry):
    registry.session(H1).publish([REDIS])
    settles(registry, REDIS)
    assert set(registry.read().services()) == set(REDIS.services)


def test_a_follower_hears_the_state_now_and_then_every_difference(registry):
    heard = []
    session = registry.session(H1)
    session.publish([REDIS])
    settles(registry, REDIS)
    follower = registry.follow(heard.append)
    wait_for(lambda: heard and set(heard[-1].instances) == {REDIS.id}, 5)
    session.publish([REDIS, DNS])
    wait_for(lambda: set(heard[-1].instances) == {REDIS.id, DNS.id}, 5)
    session.publish([DNS])
    wait_for(lambda: set(heard[-1].instances) == {DNS.id}, 5)
    assert heard[-1] == registry.read()
    assert all(one != other for one, other in pairwise(heard))
    assert follower.trouble == ""
    follower.close()
    count = len(heard)
    session.publish([])
    settles(registry)
    assert len(heard) == count


def test_a_follower_may_close_itself_and_the_registry_first(registry):
    followers = []

    def once(snapshot):
        heard.append(snapshot)
        for one in followers:
            one.close()

    heard = []
    session = registry.session(H1)
    followers.append(registry.follow(once))
    session.publish([REDIS])
    wait_for(lambda: heard, 5)
    registry.close()


def test_a_second_host_of_one_name_is_refused(registry):
    first = registry.session(H1)
    first.publish([REDIS])
    settles(registry, REDIS)
    with pytest.raises(RegistryError, match=r"HOSTNAME h1 is taken by the host at 10\.0\.0\.1"):
        registry.check(TWIN)
    second = registry.session(TWIN)
    wait_for(lambda: "is taken by" in second.trouble, 5)
    second.publish([WEB])
    assert registry.read() == Snapshot({REDIS.id: REDIS}, {"h1": H1})
    registry.check(H1)
    registry.check(H2)


def test_withdraw_removes_a_host_and_its_entries(registry):
    one, two = registry.session(H1), registry.session(H2)
    one.publish([REDIS, DNS])
    two.publish([WEB])
    settles(registry, REDIS, DNS, WEB)
    one.close()
    registry.withdraw("h1")
    assert registry.read() == Snapshot({WEB.id: WEB}, {"h2": H2})
    registry.withdraw("h1")
    registry.withdraw("never-was")
    registry.check(TWIN)
