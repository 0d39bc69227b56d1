"""A rolling upgrade of the masters' etcd by one command, which stops at the first that fails."""

import signal

from arpanet_lab.containers import Processes
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.lab.cluster import PATIENCE, Cluster, fails, run
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


def begun(hosts: list[Host]) -> list[Host]:
    """Return those whose etcd is exchanged just now."""
    return [host for host in hosts if (host.home / ".arpanet/snapshots/upgrade.json").exists()]


def test_all_masters_are_upgraded_by_one_command_that_may_be_killed(tidy: Cluster):
    for host in tidy.hosts:
        image_of(host, GOOD, "another:1")
    one = tidy.hosts[0]
    killed = one.popen(upgrade("another:1").split())
    wait_for(lambda: begun(tidy.hosts))
    (first,) = begun(tidy.hosts)
    Processes(first, "arpanet_master").send(signal.SIGKILL)
    killed.kill()
    killed.wait()
    done = one.run(upgrade("another:1").split(), timeout=PATIENCE)
    assert "(3 of 3)" in done.stderr
    assert f"on {tidy.hosts[1].name}: let it name another:1 there, too" in done.stderr
    for host in tidy.hosts:
        assert image_in_use(host) == "another:1"
        assert (host.home / ".arpanet/snapshots/before-upgrade.db").stat().st_size > 0
    assert not begun(tidy.hosts)
    assert "3 of 3 answer" in status(one)["masters"].detail
    mine = run(one, "docker inspect -f {{.Id}} arpanet_etcd")
    run(one, upgrade("another:1"))
    assert run(one, "docker inspect -f {{.Id}} arpanet_etcd") == mine


def test_an_upgrade_stops_at_the_first_that_fails(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    before = [image_in_use(host) for host in tidy.hosts]
    for host in tidy.hosts:
        image_of(host, BROKEN, "broken:1")
    _, line = fails(host1, upgrade("broken:1"))
    assert "is not well: " in line
    assert "runs again; leave the other masters as they are" in line
    assert [image_in_use(host) for host in tidy.hosts] == before
    wait_for(lambda: "3 of 3 answer" in status(host1)["masters"].detail)
    good = image_of(host1, GOOD, "another:2")
    mine = run(host1, "docker inspect -f {{.Id}} arpanet_etcd")
    _, line = fails(host1, upgrade(good))  # no other host has it
    assert "image another:2 is not on this host, and ETCD_IMAGE is " in line
    run(host3, "docker pause arpanet_etcd")
    try:
        _, line = fails(host1, upgrade(good))
    finally:
        run(host3, "docker unpause arpanet_etcd")
    assert "no master is given another etcd while host3 does not answer" in line
    assert run(host1, "docker inspect -f {{.Id}} arpanet_etcd") == mine
