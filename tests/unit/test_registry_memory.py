"""What the protocol promises, held by the registry that tests lean on."""

import pytest

from arpanet.errors import RegistryError
from arpanet.records import Host, Instance, Snapshot
from arpanet.registry import MemoryRegistry

H1, H2 = Host("h1", "10.0.0.1", "engine-1"), Host("h2", "10.0.0.2", "engine-2")
REDIS = Instance("h1:r0:6379", ("redis", "cache"), "h1", "10.0.0.1", 10000)
WEB = Instance("h2:w0:80", ("web",), "h2", "10.0.0.2", 8080)


@pytest.fixture
def registry():
    return MemoryRegistry()


def test_a_session_holds_exactly_what_was_last_published(registry):
    one, two = registry.session(H1), registry.session(H2)
    one.publish([REDIS])
    two.publish([WEB])
    assert registry.read() == Snapshot({REDIS.id: REDIS, WEB.id: WEB}, {"h1": H1, "h2": H2})
    one.publish(iter(()))
    assert set(registry.read().instances) == {WEB.id}
    two.close()
    assert set(registry.read().instances) == {WEB.id}


def test_services_are_listed_under_all_their_names(registry):
    registry.session(H1).publish([REDIS])
    assert registry.read().services() == {"cache": (REDIS,), "redis": (REDIS,)}


def test_a_follower_hears_the_state_now_and_then_every_difference(registry):
    heard = []
    registry.session(H1).publish([REDIS])
    follower = registry.follow(heard.append)
    session = registry.session(H2)
    session.publish([])
    session.publish([WEB])
    session.publish([WEB])
    assert [set(state.instances) for state in heard] == [
        {REDIS.id},
        {REDIS.id},
        {REDIS.id, WEB.id},
    ]
    follower.close()
    session.publish([])
    assert len(heard) == 3
    assert follower.trouble == ""


def test_closing_a_follower_after_its_registry_is_fine(registry):
    follower = registry.follow(lambda state: None)
    registry.close()
    follower.close()


def test_a_second_host_of_one_name_is_refused(registry):
    registry.session(H1).publish([REDIS])
    twin = Host("h1", "10.0.0.7", "engine-7")
    with pytest.raises(RegistryError, match=r"HOSTNAME h1 is taken by the host at 10\.0\.0\.1"):
        registry.check(twin)
    session = registry.session(twin)
    session.publish([])
    assert "taken" in session.trouble
    assert set(registry.read().instances) == {REDIS.id}
    registry.check(H1)


def test_withdraw_removes_a_host_and_its_entries(registry):
    registry.session(H1).publish([REDIS])
    registry.session(H2).publish([WEB])
    registry.withdraw("h1")
    registry.withdraw("h1")
    assert registry.read() == Snapshot({WEB.id: WEB}, {"h2": H2})
