"""What a master's agent does for real stores."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters import status
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.upkeep import caretaker, due, snapshot
from arpanet_etcd.upkeep.caretaker import Caretaker, Schedule
from arpanet_etcd.upkeep.due import QUOTA

from arpanet.errors import ArpanetError
from tests.conftest import wait_for
from tests.services.etcd.cluster import Cluster, Member

KEY = "/arpanet/closed/upkeep/origin"
NEVER = Schedule(Path("/nowhere"), 0, 1)


def of(
    cluster: Cluster,
    member: Member,
    schedule: Schedule = NEVER,
    quota: int = QUOTA,
    clock: Callable[[], float] = time.monotonic,
):
    """The caretaker in the agent beside *member*."""
    url = urlsplit(member.client)
    own = Own(member.name, url.hostname or "", url.port or 0, 2380)
    return Caretaker(own, cluster.endpoints, KEY, tuple, schedule, quota, clock)


def sizes(cluster: Cluster) -> dict[str, int]:
    found = status.survey(cluster.endpoints)
    return {one.name: found.reports[one.id].size for one in found.members}


def use(cluster: Cluster, count: int) -> None:
    """Write, and have it forgotten: the space is free, and in the file."""
    gateway = cluster.gateway
    for number in range(count):
        gateway.put(f"/waste/{number}", "x" * 400_000)
    gateway.delete("/waste/", "/waste0")


def test_the_leaders_agent_takes_snapshots_and_keeps_some(clusters, tmp_path):
    cluster = clusters(3)
    leader, (other, _) = cluster.leader(), cluster.followers()
    schedule = Schedule(tmp_path / "snapshots", 3600, 2)
    of(cluster, other, schedule).look()
    assert not schedule.directory.exists()
    mine = of(cluster, leader, schedule)
    mine.look()
    (file,) = schedule.directory.iterdir()
    assert snapshot.read(file, KEY).origin.cluster == cluster.gateway.membership()[0]
    when, host = caretaker.last(cluster.gateway, KEY)
    assert host == leader.name
    of(cluster, leader, schedule).look()  # another agent: it isn't due, says the store
    assert [*schedule.directory.iterdir()] == [file]
    for day in (1, 2, 3):
        (schedule.directory / f"arpanet-2026010{day}T000000Z.db").touch()
    cluster.gateway.delete("/arpanet/closed/upkeep/snapshot")
    of(cluster, leader, schedule).look()
    left = sorted(one.name for one in schedule.directory.iterdir())
    assert len(left) == 2
    assert left[0] in ("arpanet-20260103T000000Z.db", file.name)
    assert caretaker.last(cluster.gateway, KEY)[0] >= when


def make_loose(cluster: Cluster) -> None:
    use(cluster, 10)
    revision = cluster.gateway.put("/x", "1")
    cluster.gateway.call("kv/compaction", {"revision": str(revision), "physical": True})
    # what is forgotten is free with the next change
    wait_for(lambda: cluster.gateway.put("/x", "1") and loose(cluster) == len(cluster.members))


def test_where_snapshots_can_not_be_kept_it_is_told_until_they_can(clusters, tmp_path):
    cluster, now = clusters(1), [0.0]
    (tmp_path / "file").touch()
    schedule = Schedule(tmp_path / "file" / "in it", 3600, 2)
    mine = of(cluster, cluster.members[0], schedule, clock=lambda: now[0])
    with pytest.raises(ArpanetError, match=r"snapshots can't be kept: .*Not a directory"):
        mine.look()
    mine.look()  # tried again later, not at each look
    assert "Not a directory" in mine.failed[caretaker.SNAPSHOT]
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    mine.look()
    assert list(mine.failed) == [caretaker.SNAPSHOT]
    now[0] += caretaker.AGAIN
    mine.look()
    assert mine.failed == {}
    assert len(list(schedule.directory.iterdir())) == 1


def test_a_defragmentation_that_failed_is_told_until_it_is_done(clusters, monkeypatch):
    monkeypatch.setattr(due, "LEAST", 1024**2)
    monkeypatch.setattr(caretaker, "DEFRAGMENTED", 0.001)
    cluster, now = clusters(1), [0.0]
    make_loose(cluster)
    mine = of(cluster, cluster.members[0], clock=lambda: now[0])
    with pytest.raises(ArpanetError):
        mine.look()
    mine.look()
    (said,) = mine.failed.values()
    assert said.startswith(f"the store of {cluster.members[0].name} is not defragmented: ")
    monkeypatch.setattr(caretaker, "DEFRAGMENTED", 60.0)
    now[0] += caretaker.AGAIN

    def done():
        mine.look()
        return not mine.failed

    wait_for(done)


def test_stores_are_defragmented_one_by_one_and_the_leaders_last(clusters, monkeypatch):
    monkeypatch.setattr(due, "LEAST", 1024**2)
    cluster = clusters(3)
    make_loose(cluster)
    begun = sizes(cluster)

    def small():
        # etcd itself writes now and then, so a store may have grown by some pages
        return sorted(name for name, size in sizes(cluster).items() if size < begun[name] / 2)

    leader, followers = cluster.leader(), cluster.followers()
    followers[1].pause()
    of(cluster, leader).look()  # one is not well: nothing is done
    followers[1].resume()
    wait_for(lambda: all(one.healthy for one in status.survey(cluster.endpoints).reports.values()))
    assert small() == []
    mine = of(cluster, leader)
    order = [*sorted(one.name for one in followers), leader.name]
    for done in (1, 2, 3):
        mine.look()
        assert small() == sorted(order[:done])


def loose(cluster: Cluster) -> int:
    """How many stores are mostly free."""
    found = status.survey(cluster.endpoints)
    return sum(one.in_use < one.size / 2 for one in found.reports.values())


def test_a_store_that_was_full_takes_changes_again(clusters):
    quota = 8 * 1024**2
    cluster = clusters(1, flags=("--quota-backend-bytes", str(quota)))
    with pytest.raises(EtcdError, match="database space exceeded"):
        use(cluster, 100)
    gateway = cluster.gateway
    mine = of(cluster, cluster.members[0], quota=quota // 4)
    mine.look()
    with pytest.raises(ArpanetError, match="etcd is full, of what is in use"):
        mine.look()
    gateway.delete("/waste/", "/waste0")
    again = of(cluster, cluster.members[0], quota=quota)

    def takes_changes():
        again.look()  # the alarm may be raised once more: what is deleted is not forgotten yet
        try:
            return gateway.put("/x", "1")
        except EtcdError:
            return 0

    wait_for(takes_changes)
    assert not status.survey(cluster.endpoints).alarms
