"""Clients that dial in their first instruction, and the names that they dial then."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import wait_for
from tests.contract.house import page
from tests.lab import looks
from tests.lab.cluster import run, write_rc
from tests.services.ambassador.clients import (
    AGENT,
    LABEL,
    LEGACY,
    NAME,
    client,
    hosts_file,
    reaches,
)


@pytest.fixture
def host(docker_host):
    return docker_host


@pytest.fixture
def settled(host):
    """The same, when the ambassador, which may just have been replaced, serves."""
    client(host, LABEL, "canary")
    reaches(host, name="canary")
    return host


#: A port that nobody else declares.
ANOTHER = f"--link {NAME}:redis -e BACKEND_6380=redis"
FORMS = [
    (LEGACY, "redis"),
    (LABEL, "localhost"),
    (LABEL, "redis"),
    (f"{LABEL} --network private", "redis"),
    ("--label connect.cache:6379=redis", "cache"),
    ("--label connect.cache:6379=redis --network private --read-only", "cache"),
]


def one_shots(host, forms, count, at_once):
    """What *count* clients of each form say that dial in their first instruction."""
    asks = [
        f"docker run --rm --label client {options} redis redis-cli -h {dial} get where"
        for options, dial in forms * count
    ]

    def said(ask):
        done = host.run(ask.split(), check=False)
        return done.stdout.strip() or done.stderr.strip()

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(said, asks))


@pytest.mark.parametrize(("options", "dial"), FORMS)
def test_a_client_that_dials_in_its_first_instruction_is_served(settled, options, dial):
    assert one_shots(settled, [(options, dial)], 4, 4) == ["host1"] * 4


def test_the_readmes_own_example(settled):
    host = settled
    (line,) = re.findall(r"^\$ (docker run --rm .*)$", page("README.md"), re.MULTILINE)
    assert [run(host, line) for _ in range(3)] == ["PONG"] * 3


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


# -- one plane alone; last, because the host keeps it to the end of this file ----------------------

#: What clients of a plane have, and dial; in both of them the planes have the same order, so that
#: all tests of one come together.
TEN_AT_A_TIME = {"nftables": FORMS[:3], "proxy": [FORMS[0], (ANOTHER, "redis -p 6380")]}
STARTED_AGAIN = {
    "nftables": ("--label connect.cache:6379=redis", "cache"),
    "proxy": (ANOTHER, "redis -p 6380"),
    "socket": ("--label connect.cache:6379=redis", "cache"),
}


@pytest.fixture(scope="module")
def plane(serving, request):
    """Have no other plane there, and a client that it serves."""
    host, own = serving, {"ARPANET_PLANE": request.param}
    write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=host.ip, **own)
    run(host, "arpanet slave start")
    client(host, LEGACY, "canary")
    reaches(host, "redis", name="canary")
    wait_for(lambda: {link.plane for link in looks.links(host)} == {request.param})
    return request.param


@pytest.mark.parametrize("plane", TEN_AT_A_TIME, indirect=True)
def test_other_planes_serve_it_too_ten_at_a_time(plane, host):
    forms = TEN_AT_A_TIME[plane]
    assert one_shots(host, forms, 5, 10) == ["host1"] * 5 * len(forms)


@pytest.mark.parametrize("plane", STARTED_AGAIN, indirect=True)
def test_a_client_that_is_started_again_dials_in_its_first_instruction(plane, host):
    options, dial = STARTED_AGAIN[plane]
    ask = f"redis-cli -h {dial} get where"
    run(host, f"docker create --name client --label client {options} redis {ask}")
    for _ in range(4):
        assert run(host, "docker start -a client") == "host1"
