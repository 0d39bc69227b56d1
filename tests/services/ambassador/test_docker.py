"""Links of real containers: a host that is master and slave, driven as its owner would."""

import json
import sys

import pytest

from tests.conftest import wait_for
from tests.lab import looks
from tests.lab.cluster import fails, rows, run, serve, write_rc
from tests.services.ambassador.clients import (
    AGENT,
    LABEL,
    LEGACY,
    NAME,
    RESOLVER,
    asked,
    client,
    inside,
    linked,
    linked_client_lives,
    links,
    reaches,
    targets,
    traces,
)
from tests.services.ambassador.conversation import Conversation


@pytest.fixture
def host(docker_host):
    return docker_host


@pytest.mark.parametrize(
    ("options", "dial"),
    [
        (LEGACY, "redis"),
        (LABEL, "localhost"),
        (f"{LABEL} --user 1000 --workdir /tmp", "localhost"),
        (f"{LEGACY} --user 1000 --workdir /tmp", "redis"),
        (f"{LABEL} --network private", "localhost"),
        (f"{LABEL} --cap-drop ALL --read-only", "localhost"),
        (f"-e BACKEND_6379=redis --link {NAME}:redis {LABEL}", "redis"),
    ],
)
def test_forms(host, options, dial):
    client(host, options)
    reaches(host, dial)
    assert {(one.plane, one.error) for one in looks.links(host)} == {("socket", "")}


def test_the_same_network_is_dialled_past_docker_proxy(host):
    client(host, LABEL)
    client(host, f"{LABEL} --network private", "far")
    for name in ("client", "far"):
        reaches(host, name=name)
    address = run(host, "docker inspect -f {{.NetworkSettings.IPAddress}} redis")
    assert targets(host) == {(address, 6379)}
    assert targets(host, "far") == {(host.ip, 10000)}


def test_shared_namespace(host):
    client(host, f"{LABEL} --network private", "home")
    run(
        host,
        "docker run -d --label client --name client --network container:home"
        " --label connect.6380=redis redis redis-server --port 7001",
    )
    for name in ("client", "home"):
        for port in (6379, 6380):
            reaches(host, port=port, name=name)


def test_guest_of_a_container_that_has_stopped(host):
    """Its namespace lives on in the guest, but Docker has taken the network out of it."""
    run(host, "docker run -d --label client --name home --network private busybox sleep 600")
    client(host, f"--network container:home {LABEL}")
    reaches(host)
    run(host, "docker stop -t 0 home")
    client(host, LABEL, "other")
    reaches(host, name="other")  # nobody else minds
    assert "nreachable" in asked(host)
    (link,) = [one for one in looks.links(host) if one.client == "client"]
    assert (link.plane, link.error) == ("socket", "")
    run(host, "docker start home")
    run(host, "docker restart -t 0 client")
    reaches(host)


def test_a_service_of_this_host_that_is_not_published(host):
    run(
        host,
        "docker run -d --label client --name hidden --expose 6379 -e SERVICE_NAME=hidden redis"
        " redis-server --protected-mode no",
    )
    store = ["docker", "exec", "hidden", "redis-cli", "set", "where", "host1"]
    wait_for(lambda: host.run(store, check=False).stdout.strip() == "OK", every=0.1)
    client(host, "--label connect.6379=hidden")
    reaches(host)
    address = run(host, "docker inspect -f {{.NetworkSettings.IPAddress}} hidden")
    assert targets(host) == {(address, 6379)}


def test_a_label_for_udp(host):
    options = "--label client --name resolver -p 5300:53/udp -e SERVICE_NAME=resolver"
    run(host, f"docker run -d {options} busybox sleep 600")
    label = "docker run --rm --label client --label connect.53/udp=resolver"
    ask = f"{label} busybox nslookup -type=a web.test 127.0.0.1"
    within = ["nsenter", "-t", str(looks.pid_of(host, "resolver")), "-n"]
    server = host.popen([*within, sys.executable, "-c", RESOLVER])
    try:
        wait_for(lambda: "10.9.8.7" in run(host, ask, check=False), every=0.1)
        assert ["10.9.8.7" in run(host, ask, check=False) for _ in range(4)] == [True] * 4
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (f"--network none {LABEL}", "without a network cannot have links"),
        ("--network private -e BACKEND_6379=redis", "use the label connect.6379=redis"),
        ("--label connect.6379=nobody", "service nobody has no instance"),
        ("--label connect.6379=$(reboot)", "neither a service name"),
    ],
)
def test_link_that_cannot_be_is_told_and_touches_no_other(host, options, says):
    client(host, LABEL, "good")
    client(host, options)
    reaches(host, name="good")
    wait_for(lambda: linked(host))
    (row,) = links(host)
    assert says in row["error"]


def test_connected_to_the_ambassadors_network_the_variable_serves_there_too(host):
    run(host, f"docker network connect private {NAME}")
    try:
        client(host, "--network private -e BACKEND_6379=redis")
        reaches(host, NAME)
        networks = json.loads(run(host, f"docker inspect {NAME}"))[0]["NetworkSettings"]["Networks"]
        run(host, f"docker stop -t 0 {NAME}")  # Docker's DNS has no names of what has stopped
        assert asked(host, NAME) != "host1"
        assert asked(host, networks["private"]["IPAddress"]) == "host1"
        run(host, f"docker start {NAME}")
        reaches(host, NAME)
    finally:
        run(host, f"docker network disconnect private {NAME}")


def test_network_joined_later(host):
    client(host, LABEL)
    reaches(host)
    run(host, "docker network connect private client")
    run(host, "docker network disconnect bridge client")
    reaches(host)


@pytest.fixture
def special(host, request):
    """A network that keeps its containers from something."""
    run(host, f"docker network create {request.param} special")
    yield
    run(host, "docker rm -fv client other", check=False)  # they are on it
    run(host, "docker network disconnect special redis", check=False)
    run(host, "docker network rm special")


@pytest.mark.parametrize("special", ["--internal"], indirect=True)
@pytest.mark.usefixtures("special")
def test_from_an_internal_network_only_what_is_in_it_is_dialled(host):
    client(host, f"{LABEL} --network special")
    says = "this client's networks are internal, and no instance of redis here is in one"
    wait_for(lambda: [link.error for link in looks.links(host)] == [says])
    assert "refused" in asked(host)
    run(host, "docker network connect special redis")
    reaches(host)


@pytest.mark.parametrize(
    "special", ["-o com.docker.network.bridge.enable_icc=false"], indirect=True
)
@pytest.mark.usefixtures("special")
def test_where_containers_cannot_dial_each_other_the_published_port_is_dialled(host):
    serve(host, "other", 10001, "--network special -e SERVICE_NAME=other")
    client(host, "--label connect.6379=other --network special")
    published = {(host.ip, 10001)}
    wait_for(lambda: targets(host) == published)
    reaches(host)


def test_restarted_client_has_its_link_again(host):
    client(host, LABEL)
    reaches(host)
    run(host, "docker restart -t 0 client")
    reaches(host)


@pytest.fixture(params=[(LEGACY, "redis"), (LABEL, "localhost")])
def conversation(host, request):
    options, dial = request.param
    client(host, options)
    reaches(host, dial)
    found = Conversation(host, inside(host, "redis-cli", "-h", dial))
    found.dial = dial
    yield found
    found.end()


def test_killed_and_started_again(host, conversation):
    run(host, f"docker kill {NAME} {AGENT}")
    assert conversation.lives()
    assert asked(host, conversation.dial) == "host1"
    code, line = fails(host, "arpanet links")
    assert (code, "'arpanet slave start'" in line) == (1, True)
    run(host, "arpanet slave start")
    wait_for(lambda: linked(host))
    assert conversation.lives()
    assert asked(host, conversation.dial) == "host1"


def test_other_settings_leave_the_link_and_the_client_as_they_are(host, conversation):
    """Docker starts and enters no client that is linked to a container that was replaced."""
    ids = [run(host, f"docker inspect -f {{{{.Id}}}} {name}") for name in (NAME, AGENT)]
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, ARPANET_LOG="json")
    run(host, "arpanet slave start")
    after = [run(host, f"docker inspect -f {{{{.Id}}}} {name}") for name in (NAME, AGENT)]
    assert (after[0] == ids[0], after[1] == ids[1]) == (True, False)
    assert conversation.lives()
    assert run(host, f"docker exec client redis-cli -h {conversation.dial} get where") == "host1"
    run(host, "docker restart -t 0 client")
    reaches(host, conversation.dial)


def test_made_anew_elsewhere(host, conversation):
    """Another address for the ambassador: the clients' hosts files keep the old one."""
    run(host, f"docker rm -f {NAME}")
    run(host, "docker run -d --label client --name squatter busybox sleep 600")
    run(host, "arpanet slave start")
    wait_for(lambda: linked(host))
    assert conversation.lives()
    assert asked(host, conversation.dial) == "host1"


def test_service_that_moves_is_followed(host):
    client(host, "--label connect.6379=other")
    for port in (10001, 10002):
        serve(host, "other", port, "-e SERVICE_NAME=other")
        reaches(host)
        run(host, "docker rm -f other")
        wait_for(lambda: "refused" in asked(host), every=0.1)


@pytest.mark.parametrize("agent", ["alive", "dead", "removed", "removed with all else"])
def test_slave_stop_takes_the_links_out(host, agent):
    client(host, f"{LABEL} --network private")
    reaches(host)
    assert traces(host)
    if agent != "alive":
        run(host, f"docker kill {AGENT}")
    if agent.startswith("removed"):
        run(host, f"docker rm {AGENT}")
    if agent == "removed with all else":
        run(host, f"docker rm -f {NAME}")
    run(host, "arpanet slave stop")
    assert "arpanet" not in traces(host)  # Docker has a table of its own there
    assert run(host, "docker ps -aq --filter label=arpanet.part=backends") == ""
    run(host, "arpanet slave start")
    reaches(host)


def test_what_clients_are_linked_to_is_never_replaced(host):
    client(host, LEGACY)
    reaches(host, "redis")
    before = run(host, f"docker inspect -f {{{{.Id}}}} {NAME}")
    done = host.run(["arpanet", "slave", "stop"], timeout=60)
    assert f"container {NAME} stays: Docker starts none of client without it" in done.stderr
    run(host, "docker restart -t 0 client")
    assert run(host, "docker exec client redis-cli -p 7000 ping") == "PONG"
    run(host, "arpanet slave start")
    linked_client_lives(host)
    for settings in ({"AMBASSADOR_NAME": "other_name"}, {"ARPANET_PLANE": "proxy"}, {}):
        write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, **settings)
        run(host, "arpanet slave start")
        linked_client_lives(host)
        name = settings.get("AMBASSADOR_NAME", NAME)
        assert run(host, f"docker inspect -f {{{{.Id}}}} {name}") == before


def test_proxy_plane_has_no_privileges_but_in_its_own_network(host):
    client(host, f"{LABEL} {LEGACY}")
    reaches(host, "redis")
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, ARPANET_PLANE="proxy")
    said = host.run(["arpanet", "slave", "start"], timeout=60).stderr
    assert (
        "carries TCP to arpanet_backends only, so these links end: client (localhost:6379)" in said
    )
    told = json.loads(run(host, f"docker inspect {AGENT}"))[0]["HostConfig"]
    assert told["CapAdd"] == ["DAC_OVERRIDE", "NET_ADMIN", "NET_BIND_SERVICE"]
    assert told["NetworkMode"].startswith("container:")
    assert (told["PidMode"], told["Privileged"]) == ("", False)
    wait_for(lambda: traces(host) == "", every=0.1)
    wait_for(lambda: linked(host))
    planes = {row["dials"]: (row["plane"], row["error"]) for row in links(host)}
    assert planes["redis:6379"] == ("proxy", "")
    assert "cannot serve localhost" in planes["localhost:6379"][1]


def test_status_misses_what_clients_are_linked_to(host):
    run(host, f"docker stop -t 0 {NAME}")
    done = host.run(["arpanet", "status", "-f", "json"], check=False)
    (line,) = [row for row in json.loads(done.stdout) if row["part"] == "backends"]
    assert (done.returncode, line["state"]) == (1, "down")
    assert f"container {NAME} does not run" in line["detail"]


def test_status(host):
    client(host, LABEL)
    reaches(host)
    (line,) = [row for row in rows(host, "status") if row["part"] == "ambassador"]
    assert (line["state"], line["detail"]) == ("ok", "links: 1 (1 by socket)")
