"""Docker's JSON of several versions in arpanet's words."""

import pytest

from arpanet.docker.inspect import Event, container_record, touched
from arpanet.records import Container, Port


def inspected(state=None, config=None, host=None, networks=None, ports=None):
    return {
        "Id": "c" * 64,
        "Name": "/web",
        "Image": "sha256:1",
        "State": {"Running": True, "Pid": 42, "StartedAt": "2024-01-01T00:00:00Z", **(state or {})},
        "Config": {"Image": "nginx:1", "Env": None, "Labels": None, **(config or {})},
        "HostConfig": {"NetworkMode": "default", "Links": None, **(host or {})},
        "NetworkSettings": {
            "IPAddress": "9.9.9.9",  # deprecated: not to be looked at
            "Networks": {"bridge": {"IPAddress": "172.17.0.2"}} if networks is None else networks,
            "Ports": ports or {},
        },
    }


def test_a_plain_container():
    assert container_record(inspected()) == Container(
        id="c" * 64,
        name="web",
        image="nginx:1",
        pid=42,
        started="2024-01-01T00:00:00Z",
        networks={"bridge": "172.17.0.2"},
    )


@pytest.mark.parametrize(
    "state", [{"Running": False, "Pid": 0}, {"Restarting": True, "Pid": 0}], ids=str
)
def test_without_a_process_it_does_not_run(state):
    assert container_record(inspected(state)) is None


@pytest.mark.parametrize("health", [{}, {"Health": {"Status": "healthy"}}])
def test_a_paused_one_runs_and_is_not_well(health):
    found = container_record(inspected({"Paused": True, **health}))
    assert found and found.health == "unhealthy"


@pytest.mark.parametrize("action", ["pause", "unpause"])
def test_a_pause_is_told(action):
    event = {"Type": "container", "Action": action, "Actor": {"ID": "c1"}}
    assert touched(event) == Event("c1", action)


@pytest.mark.parametrize(
    ("exposed", "published", "expected"),
    [
        (None, None, []),
        (["80/tcp"], {}, [Port(80)]),
        (["80/tcp"], {"80/tcp": None}, [Port(80)]),
        (["53/tcp", "53/udp"], {}, [Port(53), Port(53, "udp")]),
        (
            ["80/tcp"],
            {"80/tcp": [("0.0.0.0", "8080"), ("::", "8080")]},
            [Port(80, "tcp", "0.0.0.0", 8080)],
        ),
        (
            [],
            {"80/tcp": [("0.0.0.0", "8080"), ("::", "8081")]},
            [Port(80, "tcp", "0.0.0.0", 8080), Port(80, "tcp", "::", 8081)],
        ),
        ([], {"80/tcp": [("::", "8080")]}, [Port(80, "tcp", "::", 8080)]),
        ([], {"80/tcp": [("", "8080")]}, [Port(80, "tcp", "0.0.0.0", 8080)]),
        (
            [],
            {"80/tcp": [("127.0.0.1", "1"), ("10.0.0.1", "2")]},
            [Port(80, "tcp", "127.0.0.1", 1), Port(80, "tcp", "10.0.0.1", 2)],
        ),
        (
            ["81/tcp"],
            {"80/tcp": [("0.0.0.0", "2"), ("::", "2"), ("0.0.0.0", "1"), ("::", "1")]},
            [Port(80, "tcp", "0.0.0.0", 2), Port(80, "tcp", "0.0.0.0", 1), Port(81)],
        ),
        (["7/sctp", "odd"], {}, [Port(7, "sctp")]),
    ],
)
def test_ports(exposed, published, expected):
    bindings = {
        key: pairs and [{"HostIp": ip, "HostPort": port} for ip, port in pairs]
        for key, pairs in (published or {}).items()
    }
    config = {"ExposedPorts": {key: {} for key in exposed} if exposed else None}
    assert list(container_record(inspected(config=config, ports=bindings)).ports) == expected


@pytest.mark.parametrize(
    ("mode", "networks", "expected"),
    [
        ("host", {"host": {"IPAddress": ""}}, {"host": ""}),
        ("six", {"six": {"IPAddress": "", "GlobalIPv6Address": "fd::2"}}, {"six": "fd::2"}),
        ("b", {"b": {"IPAddress": "10.1.0.2"}, "a": None}, {"a": "", "b": "10.1.0.2"}),
        ("container:" + "d" * 64, {}, {}),
    ],
)
def test_networks(mode, networks, expected):
    found = container_record(inspected(host={"NetworkMode": mode}, networks=networks))
    assert (found.network_mode, found.networks) == (mode, expected)


def test_links_of_the_default_bridge_and_of_a_network_of_ones_own():
    old = inspected(host={"Links": ["/arpanet_backends:/web/redis", "/db:/web/db"]})
    assert container_record(old).links == (("arpanet_backends", "redis"), ("db", "db"))
    new = inspected(networks={"own": {"IPAddress": "10.1.0.2", "Links": ["db:sql", "cache"]}})
    assert container_record(new).links == (("cache", "cache"), ("db", "sql"))


def test_environment_and_labels():
    found = container_record(inspected(config={"Env": ["A=1=2", "B="], "Labels": {"l": "v"}}))
    assert (found.env, found.labels) == ({"A": "1=2", "B": ""}, {"l": "v"})


@pytest.mark.parametrize(
    ("health", "expected"),
    [({"Status": "healthy"}, "healthy"), ({"Status": "none"}, ""), (None, "")],
)
def test_health(health, expected):
    assert container_record(inspected({"Health": health})).health == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"Type": "container", "Action": "start", "Actor": {"ID": "c"}}, ("c", "start")),
        (
            {"Type": "container", "Action": "health_status: healthy", "Actor": {"ID": "c"}},
            ("c", "health_status"),
        ),
        (
            {"Type": "network", "Action": "connect", "Actor": {"Attributes": {"container": "c"}}},
            ("c", "connect"),
        ),
        ({"Type": "network", "Action": "destroy", "Actor": {"ID": "n"}}, None),
        ({"Type": "container", "Action": "exec_start: sh", "Actor": {"ID": "c"}}, None),
        (
            {
                "Type": "container",
                "Action": "kill",
                "timeNano": 1_700_000_000_500_000_000,
                "Actor": {"ID": "c", "Attributes": {"signal": "15"}},
            },
            ("c", "kill", 15, 1_700_000_000.5),
        ),
        ({"status": "start", "id": "c", "Type": "container", "Action": "start"}, None),
        ({}, None),
    ],
)
def test_events(event, expected):
    assert touched(event) == (expected and Event(*expected))


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("", 15),
        ("SIGQUIT", 3),
        ("quit", 3),
        ("10", 10),
        ("SIGRTMIN+3", 37),
        ("RTMAX-1", 63),
        ("SIGNONE", 15),
    ],
)
def test_the_signal_that_ends_it(given, number):
    assert container_record(inspected(config={"StopSignal": given})).stop_signal == number


@pytest.mark.parametrize(("given", "seconds"), [(None, 10), (0, 0), (90, 90), (-1, 86400)])
def test_the_time_that_it_has_then(given, seconds):
    assert container_record(inspected(config={"StopTimeout": given})).stop_timeout == seconds
