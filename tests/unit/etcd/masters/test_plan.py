from pathlib import Path

import pytest
from arpanet_etcd.masters import plan
from arpanet_etcd.masters.plan import Cluster, Own, Step
from arpanet_etcd.masters.wal import Identity

from arpanet.errors import RegistryError
from arpanet.records import Member

OWN = Own("h2", "10.0.0.2", 4001, 7001, mark=Path("/root/my arpanet/cluster"))


def member(number: int, *, learner: bool = False, name: str | None = None) -> Member:
    return Member(
        f"h{number}" if name is None else name,
        f"{number}{number}",
        (f"http://10.0.0.{number}:7001",),
        () if name == "" else (f"http://10.0.0.{number}:4001",),
        learner,
    )


def cluster(*members: Member) -> Cluster:
    return Cluster("c1", members)


class TestJoin:
    def test_a_new_host_is_added(self):
        assert plan.join(cluster(member(1)), OWN, None) == Step("add")

    def test_a_member_with_its_data_starts(self):
        known = cluster(member(1), member(2))
        assert plan.join(known, OWN, Identity("22", "c1")) == Step("start")

    def test_a_member_whose_data_is_lost_is_replaced(self):
        assert plan.join(cluster(member(1), member(2)), OWN, None) == Step("replace", "22")

    def test_what_an_interrupted_join_added_is_replaced(self):
        known = cluster(member(1), member(2, name="", learner=True))
        assert plan.join(known, OWN, None) == Step("replace", "22")

    def test_data_of_a_removed_member_is_wiped(self):
        assert plan.join(cluster(member(1)), OWN, Identity("22", "c1")) == Step("wipe", "22")

    def test_data_of_another_cluster_is_kept_and_refused(self):
        with pytest.raises(RegistryError, match="belongs to cluster c9, the peer to c1") as caught:
            plan.join(cluster(member(1)), OWN, Identity("22", "c9"))
        for way in ("'arpanet master stop --leave'", OWN.drop):  # others may hold its data, or not
            assert way in str(caught.value)

    def test_a_second_host_of_the_name_is_refused(self):
        with pytest.raises(RegistryError, match=r"HOSTNAME h2 is taken .* http://10.0.0.3:7001"):
            plan.join(cluster(member(1), member(3, name="h2")), OWN, None)


class TestLeave:
    def test_one_of_three(self):
        plan.leave([member(1), member(2), member(3)], OWN, "22", ["11", "33"])

    def test_one_of_two(self):
        plan.leave([member(1), member(2)], OWN, "22", ["11", "22"])

    def test_the_last(self):
        with pytest.raises(RegistryError, match="last master") as caught:
            plan.leave([member(2)], OWN, "22", ["22"])
        assert f"'arpanet master stop' keeps it; to lose it: {OWN.drop}" in str(caught.value)

    def test_others_without_a_majority(self):
        with pytest.raises(RegistryError, match="majority: h3 does not answer"):
            plan.leave([member(1), member(2), member(3)], OWN, "22", ["11", "22"])

    def test_four_to_three_with_one_down(self):
        plan.leave([member(n) for n in (1, 2, 3, 4)], OWN, "22", ["11", "33"])

    def test_a_learner(self):
        plan.leave([member(1), member(2, learner=True)], OWN, "22", ["11"])

    def test_a_learner_is_no_replacement(self):
        with pytest.raises(RegistryError, match="last master"):
            plan.leave([member(1, learner=True), member(2)], OWN, "22", ["11", "22"])
