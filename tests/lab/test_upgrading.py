"""A rolling upgrade of the masters' etcd, and one that stops at the first that fails."""

from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, fails, run
from tests.lab.looks import status

#: etcd reads its settings from the environment, too: with the second one it ends at once.
GOOD, BROKEN = "ETCD_SNAPSHOT_COUNT 5000", "ETCD_HEARTBEAT_INTERVAL 1000000"


def image_of(host: Host, env: str, name: str) -> str:
    """Make another image with the same etcd in it."""
    made = run(host, f"docker create {image_in_use(host)} etcd")
    host.run(["docker", "commit", "--change", f"ENV {env}", made, name], timeout=60)
    run(host, f"docker rm {made}")
    return name


def upgrade(image: str) -> str:
    return f"arpanet --set ETCD_IMAGE={image} master upgrade"


def image_in_use(host: Host) -> str:
    return run(host, "docker inspect -f {{.Config.Image}} arpanet_etcd")


def test_masters_are_upgraded_one_after_the_other(tidy: Cluster):
    for host in tidy.hosts:
        run(host, upgrade(image_of(host, GOOD, "another:1")))
        assert image_in_use(host) == "another:1"
        assert (host.home / ".arpanet/snapshots/before-upgrade.db").stat().st_size > 0
        assert "3 of 3 answer" in status(host)["masters"].detail
    again = tidy.hosts[0]
    mine = run(again, "docker inspect -f {{.Id}} arpanet_etcd")
    run(again, upgrade("another:1"))
    assert run(again, "docker inspect -f {{.Id}} arpanet_etcd") == mine


def test_an_upgrade_stops_at_the_first_that_fails(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    before = image_in_use(host1)
    _, line = fails(host1, upgrade(image_of(host1, BROKEN, "broken:1")))
    assert "is not well: " in line
    assert "runs again; leave the other masters as they are" in line
    assert image_in_use(host1) == before
    wait_for(lambda: "3 of 3 answer" in status(host1)["masters"].detail)
    good = image_of(host1, GOOD, "another:1")
    mine = run(host1, "docker inspect -f {{.Id}} arpanet_etcd")
    run(host3, "docker pause arpanet_etcd")
    try:
        _, line = fails(host1, upgrade(good))
    finally:
        run(host3, "docker unpause arpanet_etcd")
    assert "no master is given another etcd while host3 does not answer" in line
    assert run(host1, "docker inspect -f {{.Id}} arpanet_etcd") == mine
