"""Which master is asked, and which cluster is spoken with."""

import pytest
from arpanet_etcd.client.endpoints import Endpoints
from arpanet_etcd.client.identity import PATIENCE, Identity, OtherCluster

ALL = ("http://a", "http://b", "http://c")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_who_answered_last_is_asked_first_and_who_failed_last(clock):
    known = Endpoints(ALL, clock=clock)
    assert known.order() == list(ALL)
    known.good("http://b")
    assert known.order() == ["http://b", "http://c", "http://a"]
    known.bad("http://b", "timed out")
    assert known.order() == ["http://a", "http://c", "http://b"]
    assert known.troubles == {"http://b": "timed out"}
    clock.now += 60
    assert known.order() == list(ALL)
    known.good("http://b")
    assert known.troubles == {}


def test_who_fails_again_is_left_alone_for_longer(clock):
    known, waits = Endpoints(ALL, clock=clock), []
    for _ in range(8):
        known.bad("http://a", "refused")
        begun = clock.now
        while known.order()[0] != "http://a":
            clock.now += 0.25
        waits.append(clock.now - begun)
    assert waits[0] <= 1.25
    assert 30 <= waits[-1] <= 60.25


def test_hosts_spread_over_the_masters_each_the_same_way_each_time():
    firsts = [Endpoints(ALL, f"host{number}").order()[0] for number in range(300)]
    assert firsts == [Endpoints(ALL, f"host{number}").order()[0] for number in range(300)]
    assert all(60 < firsts.count(url) < 140 for url in ALL)
    known = Endpoints(ALL, "host1")
    home = known.order()[0]
    known.good(next(url for url in ALL if url != home))
    known.go_home()
    assert known.order()[0] == home


def test_one_cluster_is_spoken_with_and_another_named():
    identity = Identity(ALL)
    identity.saw("http://a", "10")
    with pytest.raises(OtherCluster, match="another cluster, b: not a"):
        identity.saw("http://b", "11")
    assert identity.proved("http://a")
    assert not identity.proved("http://b")
    identity.doubt("http://a")
    assert not identity.proved("http://a")


def test_the_most_votes_count_and_the_first_of_equals():
    identity = Identity(ALL)
    identity.elect([("http://a", "1"), ("http://b", "2"), ("http://c", "2")])
    assert identity.cluster == "2"
    identity = Identity(ALL)
    identity.elect([("http://a", "1"), ("http://b", "2")])
    assert identity.cluster == "1"


def others(identity, *urls, cluster="11"):
    for url in urls:
        with pytest.raises(OtherCluster):
            identity.saw(url, cluster)


def test_a_cluster_formed_anew_by_most_is_taken(clock):
    identity = Identity(ALL, clock)
    identity.saw("http://a", "10")
    others(identity, "http://b", "http://c")
    assert not identity.adopt(ALL)  # one is left
    identity.doubt("http://a")
    assert identity.adopt(ALL)
    assert identity.cluster == "11"


def test_a_lone_one_leads_astray_only_where_nobody_else_answers_for_long(clock):
    identity = Identity(ALL, clock)
    identity.saw("http://a", "10")
    identity.doubt("http://a")
    others(identity, "http://c")
    assert not identity.adopt(ALL)
    clock.now += PATIENCE
    assert identity.adopt(ALL)


def test_two_that_disagree_are_not_taken(clock):
    identity = Identity(ALL, clock)
    identity.saw("http://a", "10")
    identity.doubt("http://a")
    others(identity, "http://b")
    others(identity, "http://c", cluster="12")
    clock.now += PATIENCE
    assert not identity.adopt(ALL)


def test_one_that_left_the_cluster_holds_nobody_back(clock):
    """It was proved, and removed: nobody asks it any more, so that it can't fail either."""
    identity = Identity(ALL, clock)
    for url in (*ALL, "http://removed"):
        identity.saw(url, "10")
    others(identity, *ALL)
    assert not identity.adopt({*ALL, "http://removed"})
    assert identity.adopt(ALL)


def test_a_stranger_that_fell_silent_disagrees_with_nobody(clock):
    identity = Identity(ALL, clock)
    identity.saw("http://b", "10")
    others(identity, "http://a", cluster="12")
    identity.doubt("http://a")
    identity.doubt("http://b")
    others(identity, "http://b", "http://c")
    assert identity.adopt(ALL)
    assert identity.cluster == "11"
