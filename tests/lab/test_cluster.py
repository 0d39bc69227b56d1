"""The main job, with the real command line on three real hosts."""

import json
import time

import pytest

from tests.conftest import SLOW, wait_for
from tests.lab.cluster import (
    WHOLE,
    Cluster,
    client,
    fails,
    links,
    own,
    rows,
    run,
    serve,
    services,
    where,
)

LINK = "--link arpanet_backends:redis -e BACKEND_6379=redis"
LABEL = "--label connect.6379=redis"


def test_hosts_is_json_of_the_masters_from_any_host(tidy: Cluster):
    for host in tidy.hosts:
        found = json.loads(run(host, "arpanet hosts"))
        assert [one["name"] for one in found] == ["host1", "host2", "host3"]
        assert [one["client_urls"] for one in found] == [
            [f"https://{h.ip}:4001"] for h in tidy.hosts
        ]
        assert not any(one["learner"] for one in found)


def test_etcdctl_lists_the_registry(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    wait_for(lambda: "redis" in services(host3))
    key = "/arpanet/services/redis/host1:redis:6379"
    wait_for(lambda: key in run(host3, "arpanet etcdctl ls / --recursive").splitlines())
    assert run(host3, f"arpanet etcdctl get {key}") == f"{host1.ip}:10000"
    health = host3.run(["arpanet", "etcdctl", "endpoint", "health"])
    assert (health.stdout + health.stderr).count("is healthy") == 3


@pytest.mark.parametrize(("options", "dial"), [(LINK, "redis"), (LABEL, "localhost")])
def test_a_link_reaches_its_service_and_follows_it(tidy: Cluster, options, dial):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    client(host3, options)
    wait_for(lambda: where(host3, dial) == "host1")
    run(host1, "docker rm -f redis")
    wait_for(lambda: "refused" in where(host3, dial))
    serve(host2)
    wait_for(lambda: where(host3, dial) == "host2")
    link = rows(host3, "links")[0]
    assert link["dials"] == f"{dial}:6379"
    assert (link["client"], link["backend"], link["plane"]) == ("client", "redis", "socket")
    assert link["targets"] == f"{host2.ip}:10000"


def test_a_client_that_is_not_root_and_one_on_a_network_of_its_own(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, f"{LABEL} --user 1000", "user")
    run(host3, "docker network create shop")
    try:
        client(host3, f"{LABEL} --network shop", "shopper")
        for name in ("user", "shopper"):
            wait_for(lambda name=name: where(host3, "localhost", name) == "host1")
    finally:
        run(host3, "docker rm -f shopper")
        run(host3, "docker network rm shop")


def test_client_and_service_on_one_host(tidy: Cluster):
    host1 = tidy.hosts[0]
    serve(host1)
    client(host1, LINK)
    wait_for(lambda: where(host1, "redis") == "host1")
    address = run(host1, "docker inspect -f {{.NetworkSettings.IPAddress}} redis")
    assert rows(host1, "links")[0]["targets"] == f"{address}:6379"


def test_new_connections_take_all_instances_in_turn(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    serve(host2)
    client(host3, LINK)
    wait_for(lambda: [len(link.targets) for link in links(host3)] == [2])
    assert {where(host3, "redis") for _ in range(6)} == {"host1", "host2"}


def test_a_fixed_list_and_a_value_that_means_nothing(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, f"{LINK} -e BACKEND_6380={host1.ip}:10000 -e BACKEND_6381=red:is:1")
    wait_for(lambda: len(links(host3)) == 3)
    found = {row["dials"]: row for row in rows(host3, "links")}
    assert found["redis:6381"]["error"]
    assert found["redis:6379"]["error"] == found["redis:6380"]["error"] == ""
    ask = "docker exec client redis-cli -h redis -p 6380 get where"
    wait_for(lambda: run(host3, ask, check=False) == "host1")


def test_containers_are_followed(tidy: Cluster):
    host1, host2, _ = tidy.hosts
    serve(host1)
    address = [f"{host1.ip}:10000"]
    wait_for(lambda: services(host2).get("redis") == address)
    run(host1, "docker stop -t 1 redis")
    wait_for(lambda: "redis" not in services(host2))
    run(host1, "docker start redis")
    wait_for(lambda: services(host2).get("redis") == address)
    run(host1, "docker restart -t 1 redis")
    wait_for(lambda: services(host2).get("redis") == address)
    run(host1, "docker kill redis")
    wait_for(lambda: "redis" not in services(host2))


def test_start_changes_nothing_twice_and_completes_what_is_half_there(tidy: Cluster):
    host1 = tidy.hosts[0]
    before = own(host1)
    backends = ["arpanet_backends", "arpanet_backends_agent"]
    assert sorted(before) == [*backends, "arpanet_etcd", "arpanet_master", "arpanet_registrator"]
    run(host1, "arpanet master start --peers boot")
    run(host1, "arpanet slave start")
    assert own(host1) == before
    run(host1, "docker rm -f arpanet_registrator")
    run(host1, "arpanet slave start")
    after = own(host1)
    assert after.pop("arpanet_registrator") != before.pop("arpanet_registrator")
    assert after == before


def test_slave_stop_withdraws_at_once_and_start_brings_back(tidy: Cluster):
    host1, host2, _ = tidy.hosts
    serve(host1)
    client(host1, LABEL)
    wait_for(lambda: where(host1, "localhost") == "host1")
    wait_for(lambda: "redis" in services(host2))
    run(host1, "arpanet slave stop")
    assert "redis" not in services(host2)
    assert sorted(own(host1)) == ["arpanet_etcd", "arpanet_master"]
    assert "refused" in where(host1, "localhost")
    run(host1, "arpanet slave stop")  # nothing to do is no error
    code, words = fails(host1, "arpanet links")
    assert (code, "arpanet slave start" in words) == (1, True)
    run(host1, "arpanet slave start")
    wait_for(lambda: "redis" in services(host2))
    wait_for(lambda: where(host1, "localhost") == "host1")


def test_status_is_fine_and_says_what_is_not(tidy: Cluster):
    host2 = tidy.hosts[1]
    assert {row["state"] for row in rows(host2, "status")} <= {"ok", "absent"}
    run(host2, "docker kill arpanet_registrator")
    done = host2.run(["arpanet", "status", "-f", "json"], check=False)
    states = {row["part"]: row["state"] for row in json.loads(done.stdout)}
    run(host2, "arpanet slave start")
    assert (done.returncode, states["registrator"]) == (1, "down")


def test_killing_every_arpanet_container_interrupts_nothing(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, LINK)
    wait_for(lambda: where(host3, "redis") == "host1")
    run(host3, f"docker kill {' '.join(own(host3))}")
    assert where(host3, "redis") == "host1"
    run(host3, "arpanet master start --peers boot")
    run(host3, "arpanet slave start")
    assert where(host3, "redis") == "host1"


def test_master_stop_keeps_data_and_the_others_go_on(tidy: Cluster):
    host1, host2, _ = tidy.hosts
    run(host1, "arpanet etcdctl set /note kept")
    run(host1, "arpanet master stop")
    began = time.monotonic()
    assert run(host2, "arpanet etcdctl get /note") == "kept"
    assert run(host1, "arpanet etcdctl get /note") == "kept"  # another master answers
    assert time.monotonic() - began < 20 * SLOW
    run(host1, "arpanet master start --peers boot")
    assert len(json.loads(run(host1, "arpanet hosts"))) == 3
    run(host1, "arpanet etcdctl rm /note")


#: What none of arpanet's containers has, beyond what Docker gives to any.
NONE = ("Devices", "DeviceCgroupRules", "GroupAdd", "PortBindings", "VolumesFrom")
#: Those that ask for no rights.
FEW = {
    "CapDrop": ["ALL"],
    "CapAdd": ["DAC_OVERRIDE", "NET_BIND_SERVICE"],
    "PidMode": "",
    "ReadonlyRootfs": True,
    "SecurityOpt": ["no-new-privileges"],
}
#: Those on the host's network.
HOST = {"NetworkMode": "host", "UsernsMode": "host"}
#: What is mounted -> where, and whether it may be written there.
SOCKET, MINE = {"/run": ("/host/run", False)}, {"~/host": ("~/host", True)}
#: Container -> its rights, and its mounts.
RIGHTS = {
    "arpanet_backends": (FEW | {"NetworkMode": "bridge", "UsernsMode": ""}, {}),
    "arpanet_etcd": (
        FEW | HOST,
        {"~/host": ("/etc/arpanet/host", False), "arpanet_etcd_data": ("/var/lib/etcd", True)},
    ),
    "arpanet_registrator": (
        # Docker takes the label away from who sees the host's processes
        FEW | HOST | {"PidMode": "host", "SecurityOpt": ["no-new-privileges", "label=disable"]},
        SOCKET | MINE | {"arpanet_registrator_state": ("/var/lib/arpanet", True)},
    ),
    "arpanet_master": (
        FEW | HOST | {"CapAdd": ["DAC_OVERRIDE", "NET_ADMIN", "NET_BIND_SERVICE"]},
        SOCKET | MINE | {"~": ("~", True), "arpanet_master_state": ("/var/lib/arpanet", True)},
    ),
    "arpanet_backends_agent": (
        {
            **HOST,
            "CapDrop": [],
            "CapAdd": ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"],
            "PidMode": "host",
            "ReadonlyRootfs": False,
            "SecurityOpt": ["apparmor=unconfined", "label=disable", "no-new-privileges"],
        },
        {
            **(SOCKET | MINE),
            "arpanet_ambassador_state": ("/var/lib/arpanet", True),
            "arpanet_links": ("/var/lib/arpanet/links", False),
        },
    ),
}


def test_node_containers_may_do_the_least_that_works(tidy: Cluster):
    """What docs/security.md says that each may do, as Docker has it: this, and nothing else."""
    host = tidy.hosts[0]
    place = str(host.home / ".arpanet")
    found = json.loads(run(host, f"docker inspect {' '.join(WHOLE)}"))
    assert {one["Name"].strip("/") for one in found} == set(RIGHTS)
    for one in found:
        rights, mounts = RIGHTS[one["Name"].strip("/")]
        mounted = {
            (m.get("Name") or m["Source"]).replace(place, "~"): (
                m["Destination"].replace(place, "~"),
                m["RW"],
            )
            for m in one["Mounts"]
        }
        settings = one["HostConfig"]
        assert ({key: settings[key] for key in rights}, mounted) == (rights, mounts), one["Name"]
        assert not any(settings.get(key) for key in NONE), one["Name"]
        shared = (settings["IpcMode"], settings["UTSMode"], settings["Privileged"])
        assert shared == ("private", "", False), one["Name"]
        assert one["Config"]["User"] == "", one["Name"]  # root there, with the rights above alone
