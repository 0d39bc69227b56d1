"""A slave and a master where Docker gives containers users of their own (``userns-remap``)."""

import json

import pytest

from tests.conftest import wait_for
from tests.lab import looks
from tests.lab.cluster import client, rows, run, serve, where, write_rc
from tests.support.labs import lab_of

PARTS = ("ambassador", "etcd", "masters", "registrator")


@pytest.fixture(scope="module")
def host():
    with lab_of("u", 1) as lab:
        host = lab.host("host1")
        config = host.run(["cat", "/etc/docker/daemon.json"], check=False).stdout
        text = json.dumps({**json.loads(config or "{}"), "userns-remap": "default"})
        host.run(["tee", "/etc/docker/daemon.json"], input=text)
        host.restart_docker()
        lab.load_image("redis")  # such a Docker keeps its images apart
        write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip)
        run(host, "arpanet up --peers boot")
        serve(host)
        yield host


@pytest.mark.parametrize("plane", ["socket", "nftables", "proxy"])
def test_links_are_carried(host, plane):
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, ARPANET_PLANE=plane)
    run(host, "arpanet slave start")
    options, dial = "--label connect.6379=redis", "localhost"
    if plane == "proxy":
        options, dial = "--link arpanet_backends:redis -e BACKEND_6379=redis", "redis"
    client(host, options, plane)
    wait_for(lambda: where(host, dial, plane) == "host1", every=0.2)
    found = [row for row in rows(host, "links") if row["client"] == plane]
    assert [(row["plane"], row["error"]) for row in found] == [(plane, "")]
    # root of the client is nobody's root
    assert int(run(host, f"cat /proc/{looks.pid_of(host, plane)}/uid_map").split()[1]) > 0


def test_all_is_well_and_can_be_stopped_and_started(host):
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip)
    run(host, "arpanet slave stop")
    run(host, "arpanet slave start")
    states = {}

    def fine():
        states.update({part: line.state for part, line in looks.status(host).items()})
        return {states[part] for part in PARTS} == {"ok"}

    wait_for(fine)
