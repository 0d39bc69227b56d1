"""``arpanet master status`` and ``remove``, with real members."""

import json

import pytest

from tests.services.etcd import commands
from tests.services.etcd.masters import Master, masters

__all__ = ["masters"]  # a fixture


@pytest.fixture
def three(masters) -> list[Master]:
    one, two, three = made = masters(3)
    one.boot()
    two.joiner.join([one.own.peer_url])
    three.joiner.join([one.own.peer_url])
    one.settled("h1", "h2", "h3")
    return made


@pytest.fixture
def arpanet(tmp_path):
    """Run a command line on a master's host; returns its exit code, and both outputs."""

    def run(master: Master, *argv: str, masters: str = ""):
        own = master.own
        given = {
            "HOME": str(tmp_path),
            "HOSTNAME": own.name,
            "ARPANET_IP": own.ip,
            "ARPANET_MASTERS": masters or own.ip,
        }
        return commands.arpanet(given, *argv, timeout=120)

    return run


def shown(out):
    return {row["name"]: row for row in json.loads(out)}


def test_each_master_is_shown(three, arpanet):
    code, out, said = arpanet(three[0], "master", "status", "-f", "json")
    assert (code, said) == (0, "")
    found = shown(out)
    assert sorted(row["role"] for row in found.values()) == ["follower", "follower", "leader"]
    for row in found.values():
        assert row["state"] == "ok"
        assert row["version"].startswith("3.")
        assert 0 < row["in_use"] <= row["size"]
        assert row["log_index"] > 0
    three[2].cut()
    code, out, said = arpanet(three[0], "master", "status", "-f", "json")
    assert code == 1
    assert "2 of 3 answer, not h3" in said
    assert shown(out)["h3"]["state"] == "silent"


def test_an_alarm_shows_at_its_master(three, arpanet):
    one = three[0]
    mine = one.gateway.status(one.own.client_url)["header"]["member_id"]
    alarm = {"action": "ACTIVATE", "alarm": "NOSPACE", "memberID": mine}
    one.gateway.call("maintenance/alarm", alarm)
    code, out, said = arpanet(one, "master", "status", "-f", "json")
    assert (code, "etcd is full" in said) == (1, True)
    assert {name: row["alarms"] for name, row in shown(out).items()} == {
        "h1": "NOSPACE",
        "h2": "",
        "h3": "",
    }


def test_a_dead_master_is_removed(three, arpanet):
    one, two, gone = three
    gone.lose_data()
    code, _, said = arpanet(one, "master", "remove", "h3")
    assert (code, said.splitlines()[-1]) == (0, "h3 is no master any more")
    assert set(one.members()) == {"h1", "h2"}
    code, _, said = arpanet(two, "master", "remove", "h3")
    assert (code, said.strip()) == (1, "arpanet: there is no master h3; there are: h1, h2")


def test_who_is_alive_is_not_removed_but_by_force(three, arpanet):
    one, _, alive = three
    code, _, said = arpanet(one, "master", "remove", "h3")
    assert (code, "h3 is alive; " in said) == (1, True)
    assert set(one.members()) == {"h1", "h2", "h3"}
    code, _, said = arpanet(one, "master", "remove", "h3", "--force")
    assert (code, "h3 is no master any more" in said) == (0, True)
    assert alive.process
    alive.process.wait(30)
    assert set(one.members()) == {"h1", "h2"}


def test_nobody_is_removed_where_the_others_could_not_go_on(three, arpanet):
    one, two, gone = three
    code, _, said = arpanet(one, "master", "remove", "h1")
    assert (code, said.strip()) == (
        2,
        "arpanet: h1 is this host; 'arpanet master stop --leave' gives up its place",
    )
    gone.cut()
    code, _, said = arpanet(one, "master", "remove", "h2", "--force")
    assert (code, "the other masters would have no majority: h3 does not answer" in said) == (
        1,
        True,
    )
    two.cut()
    code, _, said = arpanet(one, "master", "remove", "h3")
    assert code == 5
    assert "no master can be removed without a majority" in said
