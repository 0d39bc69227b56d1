"""Links of containers on networks that keep them from something."""

import pytest

from tests.conftest import wait_for
from tests.lab import looks
from tests.lab.cluster import client, run, serve, where

LABEL = "--label connect.6379=redis"


@pytest.fixture
def network(slave, request):
    run(slave, f"docker network create {request.param} special")
    yield slave
    run(slave, "docker rm -fv client redis", check=False)
    run(slave, "docker network rm special")


def targets(host):
    return {
        (target.ip, target.port)
        for link in looks.links(host)
        if link.client == "client"
        for target in link.targets
    }


def errors(host):
    return [link.error for link in looks.links(host) if link.client == "client"]


@pytest.mark.parametrize("network", ["--internal"], indirect=True)
def test_from_an_internal_network_only_what_is_in_it_is_dialled(network):
    serve(network)
    client(network, f"{LABEL} --network special")
    says = "this client's networks are internal, and no instance of redis here is in one"
    wait_for(lambda: errors(network) == [says])
    assert "refused" in where(network, "localhost")
    run(network, "docker network connect special redis")
    wait_for(lambda: where(network, "localhost") == "host1")


@pytest.mark.parametrize(
    "network", ["-o com.docker.network.bridge.enable_icc=false"], indirect=True
)
def test_where_containers_cannot_dial_each_other_the_published_port_is_dialled(network):
    serve(network, options="--network special")
    client(network, f"{LABEL} --network special")
    wait_for(lambda: targets(network) == {(network.ip, 10000)})
    wait_for(lambda: where(network, "localhost") == "host1")
