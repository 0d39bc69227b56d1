"""A whole cluster out of one file, while links go on; and files that nothing is made of."""

import hashlib
import json
import re
from pathlib import Path

from arpanet_lab.host import Host
from arpanet_lab.load.load import Client, loaded

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, fails, rows, run, serve, services, where
from tests.lab.looks import status


def lose_all(host: Host) -> None:
    """A master, its data, and what remembers that there was one."""
    run(host, "docker rm -f arpanet_etcd")
    run(host, "docker volume rm arpanet_etcd_data")
    (host.home / ".arpanet/cluster").unlink()


def written(file: Path, data: bytes) -> Path:
    """Write what ends with a checksum that is right."""
    file.write_bytes(data[:-32] + hashlib.sha256(data[:-32]).digest())
    return file


def test_a_whole_cluster_is_restored_from_one_file_while_links_go_on(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host2)
    client(host3, "--label connect.6379=redis")
    wait_for(lambda: where(host3, "127.0.0.1") == "host2")
    file = host1.home / "snapshot"
    run(host1, f"arpanet master snapshot {file}")
    dialer = Client(host3, "client", 6379, every=0.05)
    with loaded([dialer]) as load:
        run(host3, "docker kill arpanet_etcd")  # it has its data, of a cluster that is gone
        lose_all(host1)
        lose_all(host2)
        run(host1, f"arpanet master restore {file}")
        for host in (host2, host3):
            run(host, f"arpanet master restore --peers {host1.ip}:7001")
        run(host3, f"arpanet master restore --peers {host1.ip}:7001")  # again: nothing to do
        wait_for(lambda: status(host3)["masters"].detail.startswith("3 of 3 answer"))
        wait_for(lambda: services(host3).get("redis") == [f"{host2.ip}:10000"])
    noticed = load.figures[dialer]
    assert noticed.dialled > 0
    assert (noticed.failed, noticed.broken) == ([], []), str(noticed)
    run(host2, "docker rm -f redis")
    serve(host2)  # what happens from now on is heard of, too
    wait_for(lambda: where(host3, "127.0.0.1") == "host2")
    assert sorted(row["name"] for row in rows(host2, "master status")) == [
        "host1",
        "host2",
        "host3",
    ]
    assert {row["host"] for row in rows(host1, "certs")} == {"host1", "host2", "host3"}


def test_nothing_is_made_of_what_is_no_snapshot_of_this_cluster(tidy: Cluster):
    host1, host2, _ = tidy.hosts
    good, bad = host1.home / "good", host1.home / "bad"
    run(host1, f"arpanet master snapshot {good}")
    whole = good.read_bytes()
    mine = run(host1, "docker inspect -f {{.Id}} arpanet_etcd")
    bad.write_text("#!/bin/sh\n" * 100)
    _, line = fails(host1, f"arpanet master restore {bad}")
    assert f"{bad} is no snapshot of etcd: it does not end with a checksum" in line
    written(bad, re.sub(rb'("ca":\[")[0-9a-f]{64}', rb"\g<1>" + b"0" * 64, whole))
    _, line = fails(host1, f"arpanet master restore --force {bad}")
    assert "is of another cluster: its hosts know each other by another CA" in line
    version = ".".join(rows(host1, "master status")[0]["version"].split(".")[:2])
    assert whole.count(f"{version}.0".encode()) > 0
    written(bad, whole.replace(f"{version}.0".encode(), b"3.9.0"))
    _, line = fails(host1, f"arpanet master restore {bad}")
    assert "is of another version" in line
    _, line = fails(host1, f"arpanet master restore {host1.home}/nothing")
    assert "can't be read: No such file or directory" in line
    _, line = fails(host2, "arpanet master restore --peers 10.77.255.1:7001")
    assert "does not answer" in line
    code, line = fails(host2, f"arpanet master restore --peers {host2.ip}:7001")
    assert (code, "names only this host itself" in line) == (2, True)
    assert run(host1, "docker inspect -f {{.Id}} arpanet_etcd") == mine
    assert "3 of 3 answer" in status(host1)["masters"].detail


def test_a_masters_agent_takes_snapshots_by_itself(tidy: Cluster):
    """On one host, the first within a minute of its start."""
    wait_for(lambda: list(filter(None, map(snapshots, tidy.hosts))), 60, every=0.2)
    # a master that is slow to answer for a moment makes its exit code 1
    said = run(tidy.hosts[0], "arpanet master status -f json", check=False)
    shown = {row["name"]: row["snapshot"] for row in json.loads(said)}
    (holder,) = [host for host in tidy.hosts if shown[host.name]]
    assert snapshots(holder)


def snapshots(host: Host) -> list[Path]:
    return list((host.home / ".arpanet/snapshots").glob("arpanet-*.db"))
