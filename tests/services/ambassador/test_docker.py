"""Links of real containers: a host that is master and slave, driven as its owner would."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import wait_for
from tests.contract.house import page
from tests.lab import looks
from tests.lab.cluster import fails, rows, run, serve, write_rc
from tests.services.ambassador.clients import (
    AGENT,
    LABEL,
    LEGACY,
    NAME,
    asked,
    client,
    hosts_file,
    inside,
    linked,
    linked_client_lives,
    links,
    reaches,
    traces,
)
from tests.services.ambassador.conversation import Conversation


@pytest.fixture(scope="module")
def serving(slave):
    """It runs a redis, and has another network."""
    run(slave, "docker network create private")
    serve(slave, "redis")
    return slave


@pytest.fixture
def host(serving):
    """The same, with the ambassador up, and without clients afterwards."""
    slave, before = serving, looks.own(serving)
    yield slave
    mine = run(slave, "docker ps -aq --filter label=client")
    if mine:
        run(slave, f"docker rm -fv {' '.join(mine.split())}")
    run(slave, "docker rm -f other", check=False)
    write_rc(slave, ARPANET_IP=slave.ip, ARPANET_MASTERS=slave.ip)
    if looks.own(slave) != before:
        run(slave, "arpanet slave start")


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
    assert {(row["plane"], row["error"]) for row in links(host)} == {("socket", "")}


def test_the_same_network_is_dialled_past_docker_proxy(host):
    client(host, LABEL)
    client(host, f"{LABEL} --network private", "far")
    for name in ("client", "far"):
        reaches(host, name=name)
    address = run(host, "docker inspect -f {{.NetworkSettings.IPAddress}} redis")
    assert str(links(host)[0]["targets"]) == f"{address}:6379"
    assert str(links(host, "far")[0]["targets"]) == f"{host.ip}:10000"


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
    for settings in ({"AMBASSADOR_NAME": "other_name"}, {}, {"ARPANET_PLANE": "proxy"}, {}):
        write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, **settings)
        run(host, "arpanet slave start")
        linked_client_lives(host)
        name = settings.get("AMBASSADOR_NAME", NAME)
        assert run(host, f"docker inspect -f {{{{.Id}}}} {name}") == before


def test_proxy_plane_has_no_privileges(host):
    client(host, f"{LABEL} {LEGACY}")
    reaches(host, "redis")
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, ARPANET_PLANE="proxy")
    said = host.run(["arpanet", "slave", "start"], timeout=60).stderr
    assert (
        "carries TCP to arpanet_backends only, so these links end: client (localhost:6379)" in said
    )
    told = json.loads(run(host, f"docker inspect {AGENT}"))[0]["HostConfig"]
    assert told["CapAdd"] == ["DAC_OVERRIDE", "NET_BIND_SERVICE"]
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
    assert (line["state"], line["detail"]) == ("ok", "1 links: 1 by socket")


# -- from the first instruction on ---------------------------------------------------------------


@pytest.fixture
def settled(host):
    """The same, when the ambassador, which may just have been replaced, serves."""
    client(host, LABEL, "canary")
    reaches(host, name="canary")
    return host


FORMS = [
    (LEGACY, "redis"),
    (LABEL, "localhost"),
    (LABEL, "redis"),
    (f"{LABEL} --network private", "redis"),
    ("--label connect.cache:6379=redis", "cache"),
    ("--label connect.cache:6379=redis --network private --read-only", "cache"),
]


def one_shots(host, options, dial, count, at_once):
    """What *count* clients say that dial in their first instruction."""
    ask = f"docker run --rm --label client {options} redis redis-cli -h {dial} get where"
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: run(host, ask, check=False), range(count)))


def on_plane(host, plane):
    """Have no other plane there, and a client that it serves."""
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, ARPANET_PLANE=plane)
    run(host, "arpanet slave start")
    client(host, LEGACY, "canary")  # the proxy listens on what somebody there declares
    reaches(host, "redis", name="canary")
    wait_for(lambda: {row["plane"] for row in links(host, "canary")} == {plane})


@pytest.mark.parametrize(("options", "dial"), FORMS)
def test_a_client_that_dials_in_its_first_instruction_is_served(settled, options, dial):
    assert one_shots(settled, options, dial, 8, 4) == ["host1"] * 8


@pytest.mark.parametrize(("plane", "forms"), [("nftables", FORMS[:3]), ("proxy", FORMS[:1])])
def test_other_planes_serve_it_too_ten_at_a_time(host, plane, forms):
    on_plane(host, plane)
    for options, dial in forms:
        assert one_shots(host, options, dial, 10, 10) == ["host1"] * 10


def test_the_readmes_own_example(settled):
    host = settled
    (line,) = re.findall(r"^\$ (docker run --rm .*)$", page("README.md"), re.MULTILINE)
    assert [run(host, line) for _ in range(3)] == ["PONG"] * 3


@pytest.mark.parametrize("plane", ["socket", "nftables"])
def test_a_client_that_is_started_again_dials_in_its_first_instruction(host, plane):
    on_plane(host, plane)
    ask = "redis-cli -h cache get where"
    label = "--label client --label connect.cache:6379=redis"
    run(host, f"docker run --name client {label} redis {ask}")
    for _ in range(4):
        assert run(host, "docker start -a client") == "host1"


def test_a_client_that_started_while_the_ambassador_was_down_has_its_names(host):
    run(host, f"docker kill {AGENT}")
    client(host, "--label connect.cache:6379=redis")
    run(host, "arpanet slave start")
    reaches(host, "cache")


def test_guest_of_a_namespace_dials_in_its_first_instruction(settled):
    host = settled
    client(host, "--network private", "home")
    label = f"{LABEL} --label connect.cache:6379=redis"
    for name in ("localhost", "cache"):
        ask = f"docker run --rm --network container:home {label} redis redis-cli -h {name}"
        assert [run(host, f"{ask} get where", check=False) for _ in range(4)] == ["host1"] * 4


def test_names_that_are_there_already_are_left_alone(settled):
    host = settled
    assert hosts_file(host, f"--add-host redis:10.9.9.9 {LABEL}")["redis"] == "10.9.9.9"
    assert hosts_file(host, LABEL)["redis"].startswith("127.77.")
    run(host, "docker run -d --label client --name other --network private busybox sleep 600")
    label = "--label connect.6379=other"
    for one in (label, "--label connect.other:6379=redis"):
        assert "other" not in hosts_file(host, f"{one} --network private")  # Docker's DNS has it
        assert hosts_file(host, one)["other"].startswith("127.77.")


def test_a_hosts_file_of_its_own_stays_as_it_is_and_localhost_serves(settled):
    own = settled.home / "hosts"
    own.write_text("127.0.0.1 localhost\n10.9.9.9 redis\n")
    options = f"-v {own}:/etc/hosts:ro {LABEL}"
    assert hosts_file(settled, options)["redis"] == "10.9.9.9"
    ask = f"docker run --rm --label client {options} redis redis-cli -h localhost get where"
    assert run(settled, ask) == "host1"


def test_a_name_that_is_left_alone_is_told_in_one_line_and_what_to_do(settled):
    host = settled
    own = host.home / "hosts"
    own.write_text("127.0.0.1 localhost\n")
    run(host, "docker run -d --label client --name other --network private busybox sleep 600")
    label = "--label connect.other:6379=redis"
    cases = {
        "given": f"--add-host redis:10.9.9.9 {LABEL}",
        "local": f"--add-host redis:127.0.0.1 {LABEL}",
        "known": f"{label} --network private",
        "mounted": f"-v {own}:/etc/hosts:ro {label}",
        "readonly": f"{label} --read-only",
    }
    for name, options in cases.items():
        client(host, options, name)
    wait_for(lambda: cases.keys() <= {one.client for one in looks.links(host)})
    notes = {one.client: one.note for one in looks.links(host) if one.client in cases}
    another = "label it with another name, as connect.<name>:<port>=<service>"
    there = re.search(r"add '(127\.77\.[0-9.]+ other)' to it", notes["mounted"])[1]
    assert notes == {
        "given": "redis:6379 is not this link: its hosts file has it at 10.9.9.9 (by --add-host, "
        f"--link, or as its own name); {another}, or dial localhost:6379",
        "local": "",  # where its link is, too
        "known": "other:6379 is not this link: Docker's DNS has it, for container other on "
        f"network private; {another}",
        "mounted": "other:6379 is not this link: its hosts file is a mount of its own; "
        f"add '{there}' to it",
        "readonly": "",  # the file is Docker's, and has the name all the same
    }
    reaches(host, "other", name="readonly")
    own.write_text(f"127.0.0.1 localhost\n{there}\n")
    reaches(host, "other", name="mounted")
