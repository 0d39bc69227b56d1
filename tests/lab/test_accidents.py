"""Power cuts, partitions, lost quorums, restarts of Docker: what goes on, and what heals."""

import time

import pytest
from arpanet_lab.host import Host
from arpanet_lab.load.load import Client, loaded

from arpanet.registry import TTL
from tests.conftest import SLOW, wait_for
from tests.lab.cluster import Cluster, client, fails, links, rows, run, serve, services, where

LINK = "--link arpanet_backends:redis -e BACKEND_6379=redis"


def test_a_power_cut_takes_the_hosts_entries_and_links_go_elsewhere(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    serve(host2)
    client(host3, LINK)
    wait_for(lambda: len(services(host3).get("redis", [])) == 2)
    tidy.lab.kill("host2")
    wait_for(lambda: services(host3).get("redis") == [f"{host1.ip}:10000"], TTL + 15)
    wait_for(lambda: [where(host3, "redis") for _ in range(4)] == ["host1"] * 4)
    tidy.lab.start("host2")
    host2 = tidy.lab.host("host2")
    run(host2, "docker start redis")
    wait_for(lambda: len(services(host3).get("redis", [])) == 2)
    assert len(rows(host2, "hosts")) == 3


def test_who_loses_power_is_dialled_for_three_seconds_more_at_most(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    serve(host2)
    client(host3, "--label connect.6379=redis")
    wait_for(lambda: len(services(host3).get("redis", [])) == 2)
    dialer = Client(host3, "client", 6379, every=0.02, held=0)
    with loaded([dialer]) as load:
        cut = time.time()
        tidy.lab.kill("host2")
        wait_for(lambda: [where(host3, "127.0.0.1") for _ in range(4)] == ["host1"] * 4)
        over = time.time()
    late = [when - cut for when, _, _ in load.figures[dialer].failed if when < over]
    assert max(late, default=0.0) < 3 * SLOW, str(load.figures[dialer])
    tidy.lab.start("host2")
    run(tidy.lab.host("host2"), "docker start redis")
    both = {host1.ip, host2.ip}
    wait_for(lambda: {target.ip for link in links(host3) for target in link.targets} == both)


def test_a_partition_heals(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    client(host3, LINK)
    wait_for(lambda: where(host3, "redis") == "host1")
    tidy.lab.cut("host1")
    wait_for(lambda: "redis" not in services(host3), TTL + 15)
    wait_for(lambda: lost(host3) == [True])
    run(host3, "docker rm -f arpanet_backends_agent")
    run(host3, "arpanet slave start")
    wait_for(lambda: lost(host3) == [True])  # what an agent knew outlives its container
    tidy.lab.heal("host1")
    wait_for(lambda: services(host2).get("redis") == [f"{host1.ip}:10000"])
    wait_for(lambda: where(host3, "redis") == "host1")
    wait_for(lambda: lost(host3) == [False])


def lost(host: Host) -> list[bool]:
    """Return for each instance of redis whether the registry lost it, as *host* knows."""
    return [one["unconfirmed"] for one in rows(host, "services redis")]


def test_without_a_quorum_links_keep_the_last_known_good(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host3, "redis3", 10001, "-e SERVICE_NAME=redis")
    client(host3, LINK)
    client(host3, LINK, "later")
    run(host3, "docker stop -t 0 later")
    wait_for(lambda: where(host3, "redis") == "host3")
    for host in (host1, host2):
        run(host, "docker stop -t 2 arpanet_etcd")
    try:
        code, words = fails(host3, "arpanet services")
        assert code == 5, words
        assert where(host3, "redis") == "host3"
        # a client that comes now is linked all the same: to what was known
        client(host3, LINK, "newcomer")
        wait_for(lambda: where(host3, "redis", "newcomer") == "host3")
        # and so is one that comes back
        run(host3, "docker start later")
        wait_for(lambda: where(host3, "redis", "later") == "host3")
    finally:
        for host in (host1, host2):
            run(host, "docker start arpanet_etcd")
    wait_for(lambda: "redis" in services(host3))


def test_docker_restarts(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, LINK + " --restart unless-stopped")
    wait_for(lambda: where(host3, "redis") == "host1")
    host3.restart_docker()
    wait_for(lambda: where(host3, "redis") == "host1")


def test_an_address_that_is_used_again_inherits_no_link(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, LINK)
    wait_for(lambda: where(host3, "redis") == "host1")
    inspect = "docker inspect -f {{.NetworkSettings.IPAddress}} client"
    address = run(host3, inspect)
    run(host3, "docker rm -f client")
    client(host3, "--link arpanet_backends:redis")
    assert run(host3, inspect) == address
    for _ in range(5):
        assert where(host3, "redis") != "host1"


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_agents_come_back_by_themselves(tidy: Cluster, signal):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    client(host3, LINK)
    wait_for(lambda: where(host3, "redis") == "host1")
    for host, name in ((host1, "arpanet_registrator"), (host3, "arpanet_backends_agent")):
        pid = run(host, f"docker inspect -f {{{{.State.Pid}}}} {name}")
        run(host, f"kill -{signal} {pid}")
    assert "redis" in services(host2)  # the lease outlives the agent
    run(host1, "docker rm -f redis")
    serve(host2)
    wait_for(lambda: where(host3, "redis") == "host2")
