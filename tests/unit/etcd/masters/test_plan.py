from dataclasses import replace
from pathlib import Path

import pytest
from arpanet_etcd.masters import plan
from arpanet_etcd.masters.plan import Cluster, Own, Step
from arpanet_etcd.masters.wal import Identity

from arpanet.errors import RegistryError, SettingsError
from arpanet.records import Formation, Member

OWN = Own("h2", "10.0.0.2", 4001, 7001, mark=Path("/root/my arpanet/cluster"))

SECURE = replace(OWN, tls=True)
FIRST, MINE = {"h1": "https://10.0.0.1:7001"}, {"h2": SECURE.peer_url}


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


class TestMeet:
    """By a token, with certificates."""

    def test_the_first_begins_also_when_it_is_run_again(self):
        for listed in ({}, MINE, {**MINE, **FIRST}):
            for let_in in (False, True):
                assert plan.meet("t", listed, SECURE, let_in) == Formation(boot=True)

    def test_who_is_let_in_joins_all_the_others(self):
        joined = {**FIRST, "h3": "https://[fd00::3]:7009"}
        for listed in (joined, {**joined, **MINE}):
            found = plan.meet("t", listed, SECURE, let_in=True)
            assert found == Formation(peers=("10.0.0.1:7001", "[fd00::3]:7009"))

    def test_who_is_not_is_told_who_lets_it_in(self):
        words = r"h1 at 10\.0\.0\.1:7001 has taken this token, .* token create --role master"
        with pytest.raises(SettingsError, match=words):
            plan.meet("t", FIRST, SECURE, let_in=False)

    def test_who_has_begun_begins_no_second_time(self):
        with pytest.raises(RegistryError, match=r"has no data of it; make a new token"):
            plan.meet("t", MINE, SECURE, let_in=True, began=True)
        with pytest.raises(RegistryError, match=r"no data of it; join .*--peers 10\.0\.0\.1:7001"):
            plan.meet("t", {**MINE, **FIRST}, SECURE, let_in=True, began=True)

    def test_a_second_host_of_the_name(self):
        other = {"h2": "https://10.0.0.9:7001"}
        with pytest.raises(RegistryError, match=r"HOSTNAME h2 is taken in this token by .*9:7001"):
            plan.meet("t", other, SECURE, let_in=True)

    def test_hosts_of_two_kinds_use_no_token_together(self):
        plain = {"h1": "http://10.0.0.1:7001"}
        with pytest.raises(RegistryError, match="h1 came to this token with ARPANET_TLS=off; set"):
            plan.meet("t", plain, SECURE, let_in=True)
        with pytest.raises(RegistryError, match="h1 came to this token with ARPANET_TLS=on"):
            plan.refuse_mixed(FIRST, OWN)

    @pytest.mark.parametrize(
        ("name", "url"),
        [
            ("h1", "https://10.0.0.1"),
            ("h1", "https://stranger.example:7001"),
            ("h1", "https://10.0.0.1:7001/members"),
            ("h1", "unix:///run/x"),
            ("h1", ""),
            ("\x1b[2J", "https://10.0.0.1:7001"),
            ("", "https://10.0.0.1:7001"),
        ],
    )
    def test_what_no_master_leaves_in_a_token(self, name, url):
        with pytest.raises(RegistryError, match="token t holds what no master leaves") as caught:
            plan.meet("t", {name: url}, SECURE, let_in=True)
        assert "\x1b" not in str(caught.value)

    def test_whatever_it_holds_few_hosts_are_dialled(self):
        many = {f"x{n}": f"https://10.0.1.{n}:7001" for n in range(1, 200)}
        assert len(plan.meet("t", many, SECURE, let_in=True).peers) == plan.MOST
