"""What Docker's list tells, and whether a container goes on as it was."""

import pytest

from arpanet.docker.glance import glance

ROW = {
    "Id": "x",
    "Names": ["/client/redis", "/redis"],
    "State": "running",
    "Status": "Up 5 minutes",
    "Ports": [{"PrivatePort": 1}, {"PrivatePort": 2}],
    "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
}


def said(status: str, **more):
    return glance({**ROW, "Status": status, **more})


@pytest.mark.parametrize(
    ("status", "up"),
    [
        ("Up Less than a second", 0),
        ("Up 1 second", 1),
        ("Up 59 seconds (health: starting)", 59),
        ("Up About a minute", 60),
        ("Up 59 minutes (Paused)", 3540),
        ("Up About an hour (healthy)", 3600),
        ("Up 47 hours", 47 * 3600),
        ("Up 13 days", 13 * 86400),
        ("Up 2 weeks", 14 * 86400),
        ("Up 2 months", 60 * 86400),
        ("Up 3 years", 3 * 365 * 86400),
        ("Restarting (1) 2 seconds ago", -1),
        ("", -1),
    ],
)
def test_for_how_long_it_is_up(status, up):
    assert said(status).up == up


def test_its_own_name():
    assert said("").name == "redis"
    assert glance({"Names": None}).name == ""


@pytest.mark.parametrize(
    ("after", "goes_on"),
    [
        (said("Up 5 minutes"), True),
        (said("Up 6 minutes"), True),
        (said("Up 3 days"), True),
        (said("Up 5 minutes", Ports=[{"PrivatePort": 2}, {"PrivatePort": 1}]), True),
        (said("Up 4 seconds"), False),
        (said("Up Less than a second"), False),
        (said("Up 5 minutes (healthy)"), False),
        (said("Up 5 minutes (Paused)"), False),
        (said("Up 5 minutes", State="paused"), False),
        (said("Up 5 minutes", Names=["/other"]), False),
        (said("Up 5 minutes", NetworkSettings={"Networks": {}}), False),
    ],
)
def test_whether_it_goes_on(after, goes_on):
    assert after.goes_on(said("Up 5 minutes")) is goes_on


def test_where_docker_does_not_tell_it_is_looked_at():
    assert not said("running").goes_on(said("running"))
    assert not said("Up 5 minutes").goes_on(None)
