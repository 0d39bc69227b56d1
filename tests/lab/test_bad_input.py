"""What is wrong, where, what to do: one line and an exit code, and nothing half done."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from arpanet_lab.host import Host

from tests.conftest import wait_for
from tests.lab.cluster import WHOLE, Cluster, fails, own, run, services, write_rc
from tests.lab.looks import status
from tests.support.labs import docker_of

REDIS = "redis redis-server --port 7000"
#: What runs on a host that is a master and no slave.
MASTER = ["arpanet_etcd", "arpanet_master"]


@pytest.fixture
def bare(cluster: Cluster):
    """host3, a master and no slave."""
    host = cluster.hosts[2]
    if sorted(own(host)) != MASTER:
        cluster.mend()
        run(host, "arpanet slave stop")
    yield host
    cluster.configure()


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"ARPANET_IP": "10.9.8.7"}, 3, "ARPANET_IP=10.9.8.7 is not an address of this host"),
        ({"ARPANET_IP": "ten"}, 3, "~/.arpanetrc:1: ARPANET_IP='ten' must be an IP address"),
        ({"ETCD_PORT": "70000"}, 3, "~/.arpanetrc:1: ETCD_PORT='70000' must be a port"),
        ({"ARPANET_MASTERS": "10.255.255.1"}, 5, "10.255.255.1"),
        ({"ARPANET_REGISTRY": "zookeeper://x"}, 3, "no plugin knows this kind of registry"),
    ],
)
def test_settings_that_are_not_true(bare, settings, code, words):
    before = own(bare)
    write_rc(bare, **settings, **({} if "ARPANET_IP" in settings else {"ARPANET_IP": bare.ip}))
    got, line = fails(bare, "arpanet slave start")
    assert (got, words in line) == (code, True), line
    assert own(bare) == before


def test_no_address_and_no_default_route(bare):
    (bare.home / ".arpanetrc").unlink()
    route = run(bare, "ip route show default")
    run(bare, "ip route del default")
    try:
        code, line = fails(bare, "arpanet slave start")
    finally:
        run(bare, f"ip route add {route}")
    assert code == 3
    assert "ARPANET_IP is not set, and there is no default route to guess it from" in line


def test_a_file_that_others_may_write(bare):
    (bare.home / ".arpanetrc").chmod(0o666)
    code, line = fails(bare, "arpanet slave start")
    assert code == 3
    assert "may be written by others (mode 0666); run 'chmod go-w" in line


def test_a_file_of_somebody_else(bare):
    os.chown(bare.home / ".arpanetrc", 65534, -1)
    code, line = fails(bare, "arpanet slave start")
    assert code == 3
    assert "belongs to nobody, who is neither root nor you; look at what is in it, then run" in line


def test_docker_is_not_running(bare):
    bare.stop_docker()
    try:
        for line in ("slave start", "master start --peers boot", "slave stop", "master stop"):
            code, words = fails(bare, f"arpanet {line}")
            assert (code, "Docker" in words) == (4, True), words
    finally:
        bare.start_docker()


def test_no_permission_to_the_socket(bare):
    socket = "/var/run/docker.sock"
    run(bare, f"chown nobody {socket}")
    run(bare, f"chmod 600 {socket}")
    try:
        # root as everybody else is: without the capability that looks over permissions
        drop = "setpriv --bounding-set=-dac_override,-dac_read_search"
        code, line = fails(bare, f"{drop} arpanet slave start")
    finally:
        run(bare, f"chown root {socket}")
    assert code == 4
    assert "permission" in line


def test_a_name_that_is_somebody_elses(bare):
    theirs = run(bare, f"docker run -d --name arpanet_backends {REDIS}")
    code, line = fails(bare, "arpanet slave start")
    assert code == 1
    assert "arpanet_backends" in line
    assert (
        run(bare, "docker inspect -f {{.Id}}{{.State.Running}} arpanet_backends") == f"{theirs}true"
    )
    run(bare, "arpanet slave stop")
    assert run(bare, "docker inspect -f {{.Id}} arpanet_backends") == theirs
    run(bare, "docker rm -f arpanet_backends")


def published(host: Host, containers: Mapping[str, Mapping[str, Any]]) -> None:
    """Run what publishes a port, each with more than a command line may hold."""
    with docker_of(host) as api:
        for name, more in containers.items():
            config = api.create_host_config(publish_all_ports=True)
            api.create_container("redis", name=name, ports=[7000], host_config=config, **more)
            api.start(name)


def test_labels_and_variables_of_1_6_megabytes_harm_only_their_containers(tidy):
    host = tidy.hosts[0]
    text = "x" * 100_000
    odd = {
        "labelled": {"labels": {"SERVICE_TEXT": 16 * text}},
        "variables": {"environment": {f"SERVICE_TEXT{at}": text for at in range(16)}},
    }
    published(host, odd)
    run(host, f"docker run -d --name fine -p 7000 -e SERVICE_NAME=fine {REDIS}")
    wait_for(lambda: "fine" in services(host))
    assert "redis" not in services(host)
    wait_for(lambda: all(f"{name}: the registry refuses" in said(host) for name in odd))
    assert "its names, tags and attributes take 1600" in said(host)
    run(host, "docker rm -f fine labelled variables")
    wait_for(lambda: "fine" not in services(host))
    names = {count: ",".join(f"n{at}" for at in range(count)) for count in (200, 10_000)}
    odd = {
        "many": {"environment": {"SERVICE_NAME": names[200]}},
        "hosts": {"labels": {"SERVICE_NAME": names[10_000]}},
    }
    published(host, odd)
    run(host, f"docker run -d --name fine -p 7000 -e SERVICE_NAME=fine,n7 {REDIS}")
    wait_for(lambda: "fine" in services(host))
    told = [f"{name}: the registry refuses host1:{name}:7000: has" for name in odd]
    wait_for(lambda: all(one in said(host) for one in told))
    log = host.run(["docker", "logs", "arpanet_registrator"]).stderr
    for words in ("", " n7"):
        listed = host.run(f"arpanet services{words} -f json".split())
        assert all(one in listed.stderr and one in log for one in told)
        assert "host1:fine:7000" in {row["instance"] for row in json.loads(listed.stdout)}
    run(host, "docker rm -f fine")
    wait_for(lambda: "fine" not in services(host))


def said(host):
    """What the registrator's line of ``arpanet status`` says."""
    return status(host)["registrator"].detail


def containers(host):
    """The ids of all containers, also of those that run no more."""
    with docker_of(host) as api:
        return {one["Id"] for one in api.containers(all=True)}


def test_a_second_host_of_one_name(bare, cluster):
    code, line = fails(bare, "arpanet --set HOSTNAME=host1 slave start")
    assert (code, "was let in as host3, and HOSTNAME is host1" in line) == (3, True)
    assert sorted(own(bare)) == MASTER


@pytest.mark.parametrize("command", ["slave start", "master start --peers boot"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("made", [1, 2])
def test_interrupted_starts_are_finished_by_the_next(bare, command, number, made):
    if command.startswith("master"):
        run(bare, "arpanet master stop")
    before, seen = containers(bare), set()
    started = bare.popen(
        ["arpanet", *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def moment():
        seen.update(containers(bare) - before)
        return len(seen) >= made or started.poll() is not None

    wait_for(moment, every=0.005)
    started.send_signal(number)
    words = started.communicate(timeout=120)[1]
    assert "Traceback" not in words
    if number == signal.SIGINT and (made == 1 or started.returncode):
        assert started.returncode == 130, words
        assert "interrupted; the same command, run again, goes on from here" in words
    run(bare, f"arpanet {command}")
    whole = WHOLE if command == "slave start" else MASTER
    assert sorted(own(bare)) == whole
    assert sorted(run(bare, "docker ps -a --format {{.Names}}").split()) == whole


def test_up_makes_a_whole_host_of_a_bare_one(bare):
    run(bare, "arpanet up")
    assert sorted(own(bare)) == WHOLE
    wait_for(lambda: {part.state for part in status(bare).values()} <= {"ok", "absent"})
    run(bare, "arpanet status")
