"""Links of containers that run already: ``arpanet link add``, ``rm`` and ``list``."""

import json

import pytest

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, fails, links, own, rows, run, serve, services, where
from tests.support.labs import docker_of

ADD = "arpanet link add client 6379 redis"


@pytest.fixture
def hosts(tidy: Cluster):
    """A redis on host1, and on host3 a client that declares nothing."""
    host1, _, host3 = tidy.hosts
    serve(host1)
    client(host3, "")
    wait_for(lambda: "redis" in services(host3))
    assert "refused" in where(host3, "localhost")
    return host1, host3


def test_a_link_is_added_at_once_shown_and_taken_away_at_once(hosts):
    _, host3 = hosts
    done = host3.run(ADD.split())
    assert where(host3, "localhost") == "host1"
    assert "client: localhost:6379 = redis -> " in done.stderr
    (row,) = rows(host3, "links")
    assert (row["dials"], row["note"], row["error"]) == ("localhost:6379", "added", "")
    expected = {"client": "client", "port": "6379", "spec": "redis", "until": 0}
    assert rows(host3, "link list client") == [expected]
    assert rows(host3, "link list another") == []
    run(host3, ADD)  # again: nothing to do
    run(host3, "arpanet link rm client 6379")
    wait_for(lambda: "refused" in where(host3, "localhost"), seconds=5)
    assert rows(host3, "link list") == []
    assert (
        "no link was added at 6379" in host3.run(["arpanet", "link", "rm", "client", "6379"]).stderr
    )


def test_it_is_kept_over_restarts_of_client_and_agent(hosts):
    _, host3 = hosts
    run(host3, ADD)
    run(host3, "docker restart -t 1 client")
    wait_for(lambda: where(host3, "localhost") == "host1")
    run(host3, f"docker kill {' '.join(own(host3))}")
    run(host3, "arpanet master start --peers boot")
    run(host3, "arpanet slave start")
    wait_for(lambda: [link.note for link in links(host3)] == ["added"])
    assert where(host3, "localhost") == "host1"
    run(host3, "arpanet slave stop")
    assert "refused" in where(host3, "localhost")
    run(host3, "arpanet slave start")
    wait_for(lambda: where(host3, "localhost") == "host1")
    run(host3, "docker rm -f client")
    client(host3, "")  # of the same name, and another one
    wait_for(lambda: not links(host3))
    assert "refused" in where(host3, "localhost")


def test_a_client_that_is_started_again_dials_in_its_first_instruction(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    serve(host1)
    # one instruction or two after the beginning of its life
    ask = r"printf 'get where\r\nquit\r\n' | nc localhost 6379; echo asked; exec sleep 600"
    host3.run(["docker", "run", "-d", "--name", "client", "busybox", "sh", "-c", ask])
    wait_for(lambda: _said(host3).count("asked") == 1)
    run(host3, ADD)
    for times in range(1, 6):
        run(host3, "docker restart -t 0 client")
        wait_for(lambda n=times: _said(host3).count("asked") == 1 + n)
    said = _said(host3)
    assert said.count("host1") == 5, said


def _said(host):
    with docker_of(host) as api:
        return api.logs("client", stdout=True, stderr=True).decode().split()


def test_it_ends_at_its_time(hosts):
    _, host3 = hosts
    run(host3, f"{ADD} --for 4s")
    assert where(host3, "localhost") == "host1"
    assert "added, until" in links(host3)[0].note
    wait_for(lambda: "refused" in where(host3, "localhost"))
    wait_for(lambda: not links(host3))
    assert rows(host3, "link list") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nobody 6379 redis", "there is no container nobody on this host"),
        ("stopped 6379 redis", "container stopped does not run; 'docker start stopped' first"),
        ("alone 6379 redis", "a container without a network cannot have links"),
        ("arpanet_backends 6379 redis", "is what clients are linked to"),
        ("labelled 6379 other", "container labelled itself declares port 6379, as 'redis'"),
        ("client cache:6379 redis", "'cache:6379' is no port: write <port> or <port>/udp"),
        ("client 65536 redis", "65536 is no port"),
        ("client 6379 10.0.0.300:1", "neither an IP address nor a host name"),
        ("client 6379 etcd://10.9.9.9/arpanet/services/redis", "is no master of this arpanet"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_kept(refusing, line, says):
    code, words = fails(refusing, f"arpanet link add {line}")
    assert (code, says in words) == (1, True), words
    assert rows(refusing, "link list") == []


@pytest.fixture(scope="module")
def refusing(cluster: Cluster):
    """A host with clients of several kinds; no test here gives one a link."""
    cluster.mend()
    host = cluster.hosts[0]
    client(host, "")
    client(host, "--label connect.6379=redis", "labelled")
    client(host, "--network none", "alone")
    client(host, "", "stopped")
    run(host, "docker stop -t 0 stopped")
    yield host
    cluster.tidy()


def test_a_time_that_makes_no_sense(refusing):
    code, words = fails(refusing, "arpanet link add client 6379 redis --for soon")
    assert (code, "'soon' is no time: write 90s" in words) == (2, True)


def test_a_client_on_the_hosts_own_network_has_a_link_or_hears_why_not(refusing):
    client(refusing, "--network host", "hosts")
    try:
        done = refusing.run(["arpanet", "link", "add", "hosts", "6379", "redis"], check=False)
        if done.returncode:
            assert "Docker uses cgroups of version 1 here: give the container" in done.stderr
        else:
            assert "hosts: localhost:6379 = redis" in done.stderr
        assert len(rows(refusing, "link list")) == (0 if done.returncode else 1)
    finally:
        run(refusing, "docker rm -f hosts")


def test_a_file_that_makes_no_sense_is_told_and_costs_no_link(hosts):
    _, host3 = hosts
    run(host3, ADD)
    volume = json.loads(run(host3, "docker volume inspect arpanet_links"))[0]["Mountpoint"]
    run(host3, f"cp {volume}/added.json {volume}/kept")
    run(host3, f"cp /etc/hostname {volume}/added.json")
    code, words = fails(host3, "arpanet link list")
    assert (code, "remove that file, and add them again" in words) == (1, True)
    assert where(host3, "localhost") == "host1"
    run(host3, f"mv {volume}/kept {volume}/added.json")
    assert len(rows(host3, "link list")) == 1
