"""Leading, when etcd or somebody else gets in the way."""

import pytest

from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.services.etcd.cluster import etcd_version

TTL = 3


@pytest.fixture(params=["v3", "v2"])
def api(request):
    if request.param == "v2" and etcd_version() >= (3, 6):
        pytest.skip("etcd 3.6 has no v2")
    return request.param


def test_a_leader_that_reaches_nobody_leads_no_more(clusters, connect):
    cluster = clusters(1)
    one = connect(cluster, "v3", TTL).leader("x")
    wait_for(lambda: one.leading, 5)
    cluster.members[0].pause()
    wait_for(lambda: not one.leading, TTL + 0.5)
    with pytest.raises(RegistryError):
        one.keep("nobody hears it")
    cluster.members[0].resume()
    wait_for(lambda: one.leading, 15)
    assert one.recall() == ""


def test_a_leader_whose_seat_was_taken_keeps_nothing(one_etcd, connect, layout, api):
    registry = connect(one_etcd, api, TTL)
    one = registry.leader("x")
    wait_for(lambda: one.leading, 5)
    delete(registry, layout, api)
    with pytest.raises(RegistryError, match="leads x"):
        one.keep("it is not known yet that the seat is free")
    assert not one.leading
    wait_for(lambda: one.leading, TTL + 2)


def delete(registry, layout, api):
    """Delete the seat by hand."""
    if api == "v3":
        assert registry._store.gateway.delete(layout.leader("x"))
    else:
        registry._store._client.call("delete", layout.leader("x"))


def test_the_seat_of_one_that_was_killed_is_free_when_its_time_is_over(one_etcd, connect, api):
    dead = connect(one_etcd, api, TTL)._store.seat("x", TTL)
    assert dead.hold()
    heir = connect(one_etcd, api, TTL).leader("x")
    wait_for(lambda: heir.leading, TTL + 4)
    assert not dead.keep("of one that was asleep")
    assert heir.recall() == ""
