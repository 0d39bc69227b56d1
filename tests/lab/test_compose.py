"""The files of contrib/compose, run with the distribution's Compose as their README says."""

import pytest

from tests.conftest import wait_for
from tests.contract.house import ROOT
from tests.lab.cluster import Cluster, inside, run, services

COMPOSE = "docker-compose --no-ansi -p {name} -f {file}"


def compose(host, name, words, **options):
    command = COMPOSE.format(name=name, file=ROOT / f"contrib/compose/{name}.yml")
    return run(host, f"{command} {words}", **options)


def networks(host):
    return run(host, "docker network ls --format {{.Name}}").split()


@pytest.fixture(scope="module")
def hosts(cluster: Cluster):
    """The services on host1; what Compose made on host1 and host3 is taken away."""
    cluster.mend()
    host1, _, host3 = cluster.hosts
    compose(host1, "services", "up -d")
    wait_for(lambda: {"redis-cache", "redis-queue"} <= services(host3).keys())
    yield host1, host3
    compose(host3, "clients", "down -t 1")
    compose(host1, "services", "down -t 1")
    for host in (host1, host3):
        assert not [one for one in networks(host) if one.endswith("_default")]
    cluster.tidy()


def asked(host, project, name, words):
    """What redis-cli hears in a container, without starting Compose, which takes a second."""
    ask = [*inside(host, f"{project}_{name}_1"), "redis-cli", *words.split()]
    done = host.run(ask, check=False)
    return (done.stdout + done.stderr).strip()


def test_two_services_with_one_port_and_a_services_own_name(hosts):
    host1, host3 = hosts
    for name in ("cache", "queue"):
        assert asked(host1, "services", name, f"set who {name}") == "OK"
    compose(host3, "clients", "up -d")
    assert asked(host3, "clients", "shop", "-h cache get who") == "cache"
    assert asked(host3, "clients", "shop", "-h queue get who") == "queue"
    for name in ("localhost", "redis-cache"):
        assert asked(host3, "clients", "till", f"-h {name} get who") == "cache"
    assert compose(host3, "clients", "exec -T shop redis-cli -h queue ping") == "PONG"


def test_a_client_of_one_question_is_answered_each_time(hosts):
    _, host3 = hosts
    for _ in range(5):
        assert "PONG" in compose(host3, "clients", "up --no-deps ping")


def test_composes_own_names_keep_their_meaning_beside_links(hosts):
    _, host3 = hosts
    compose(host3, "clients", "up -d")
    # till's own redis says so: it takes no stranger's commands
    assert "DENIED Redis is running in protected mode" in asked(
        host3, "clients", "shop", "-h till -p 7000 ping"
    )
