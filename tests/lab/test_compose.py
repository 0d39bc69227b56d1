"""The files of contrib/compose, run with the distribution's Compose as their README says."""

import pytest

from tests.conftest import wait_for
from tests.contract.house import ROOT
from tests.lab.cluster import Cluster, run, services

COMPOSE = "docker-compose --no-ansi -p {name} -f {file}"


def compose(host, name, words, **options):
    command = COMPOSE.format(name=name, file=ROOT / f"contrib/compose/{name}.yml")
    return run(host, f"{command} {words}", **options)


def networks(host):
    return run(host, "docker network ls --format {{.Name}}").split()


@pytest.fixture
def hosts(tidy: Cluster):
    """The services on host1; what Compose made on host1 and host3 is taken away."""
    host1, _, host3 = tidy.hosts
    compose(host1, "services", "up -d")
    wait_for(lambda: {"redis-cache", "redis-queue"} <= services(host3).keys())
    yield host1, host3
    compose(host3, "clients", "down -t 1")
    compose(host1, "services", "down -t 1")
    for host in (host1, host3):
        assert not [one for one in networks(host) if one.endswith("_default")]


def asked(host, client, name, words):
    return compose(host, "clients", f"exec -T {client} redis-cli -h {name} {words}", check=False)


def test_two_services_with_one_port_and_a_services_own_name(hosts):
    host1, host3 = hosts
    for name in ("cache", "queue"):
        compose(host1, "services", f"exec -T {name} redis-cli set who {name}")
    compose(host3, "clients", "up -d")
    assert asked(host3, "shop", "cache", "get who") == "cache"
    assert asked(host3, "shop", "queue", "get who") == "queue"
    for name in ("localhost", "redis-cache"):
        assert asked(host3, "till", name, "get who") == "cache"


def test_a_client_of_one_question_is_answered_each_time(hosts):
    _, host3 = hosts
    for _ in range(5):
        assert "PONG" in compose(host3, "clients", "up --no-deps ping")


def test_composes_own_names_keep_their_meaning_beside_links(hosts):
    _, host3 = hosts
    compose(host3, "clients", "up -d")
    # till's own redis says so: it takes no stranger's commands
    assert "DENIED Redis is running in protected mode" in asked(
        host3, "shop", "till", "-p 7000 ping"
    )
