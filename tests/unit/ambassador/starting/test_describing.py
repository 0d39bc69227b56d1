"""What files say of a container that starts."""

import pytest
from arpanet_ambassador.starting.describing import cgroups, declares, described

CONFIG = {
    "ID": "abc",
    "Name": "/web",
    "State": {"Running": False, "Pid": 0},
    "Config": {
        "Image": "redis:7",
        "Env": ["PATH=/bin", "BACKEND_6379=redis", "EMPTY"],
        "Labels": {"a": "b"},
    },
    "NetworkSettings": {"Networks": {"private": {"IPAddress": "172.18.0.9"}, "bridge": None}},
}


def test_described():
    found = described(CONFIG, {"NetworkMode": "default"}, 7)
    assert (found.id, found.name, found.image, found.pid) == ("abc", "web", "redis:7", 7)
    assert (found.network_mode, found.networks) == ("bridge", {"bridge": "", "private": ""})
    assert (found.env["BACKEND_6379"], found.labels, found.started) == ("redis", {"a": "b"}, "")


@pytest.mark.parametrize(
    ("config", "interesting"),
    [
        ({"Env": ["backend_80=a"]}, True),
        ({"Labels": {"connect.80": "a"}}, True),
        ({"Env": ["BACK=1"], "Labels": {"connected": "1"}}, False),
        ({"Env": None, "Labels": None}, False),
    ],
)
def test_only_what_may_declare_links_is_followed(config, interesting):
    assert declares(described({"ID": "a", "Config": config}, {})) == interesting


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/docker/abc", "docker/abc"),
        ("/lab/host1/abc", "lab/host1/abc"),
        ("system.slice:docker:abc", "system.slice/docker-abc.scope"),
        ("a-b.slice:docker:abc", "a.slice/a-b.slice/docker-abc.scope"),
    ],
)
def test_where_processes_are_listed(path, expected):
    found = cgroups({"linux": {"cgroupsPath": path}})
    assert expected in found
    assert f"systemd/{expected}" in found


def test_without_a_cgroup():
    assert cgroups({}) == []
