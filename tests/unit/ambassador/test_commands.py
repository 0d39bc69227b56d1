"""``arpanet flows``, beside a Docker of records."""

import json
from types import SimpleNamespace

import pytest
from arpanet_ambassador.commands import nothing

from arpanet.context import Context

ROW = {
    "client": "web",
    "dialled": "redis:6379",
    "protocol": "tcp",
    "target": "10.0.0.1:10000",
    "instance": "h1:r0:6379",
    "count": 3,
    "last": 1000.5,
}


@pytest.fixture
def engine(monkeypatch):
    fake = SimpleNamespace(
        own=lambda part: [SimpleNamespace(name="agent", state=fake.state)],
        read_file=lambda container, path: fake.content,
        close=lambda: None,
        state="running",
        content=json.dumps({"flows": [ROW]}),
    )
    monkeypatch.setattr(Context, "engine", fake)
    return fake


def test_for_a_script_and_for_a_person(arpanet, engine):
    assert json.loads(arpanet("flows", "-f", "json").out) == [ROW]
    assert "redis:6379" in arpanet("flows").out


def test_of_too_many_the_latest(arpanet, engine):
    engine.content = json.dumps({"flows": [ROW], "more": 31})
    done = arpanet("flows", "-f", "json")
    assert (json.loads(done.out), done.err) == ([ROW], "31 more were seen before these\n")


@pytest.mark.parametrize("content", ["", "{", "{}", '{"flows": []}'])
def test_nothing_yet(arpanet, engine, content):
    engine.content = content
    done = arpanet("flows", "-f", "json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert done.err.startswith("nothing was seen: only the socket plane sees")


def test_no_ambassador(arpanet, engine):
    engine.state = "exited"
    done = arpanet("flows")
    assert done.code != 0
    assert "the ambassador is not running" in done.err


@pytest.mark.parametrize(
    ("planes", "setting", "says"),
    [
        ((), "auto", "no container here has a link"),
        (("",), "auto", "no link here is carried: 'arpanet links' says why"),
        (("nftables", ""), "auto", "no link here is on it: 'arpanet links' says why"),
        (("nftables",), "nftables", "no link here is on it: ARPANET_PLANE=nftables"),
        (("nftables", "socket"), "auto", "nothing was dialled"),
    ],
)
def test_without_flows_it_says_why(planes, setting, says):
    assert says in nothing(planes, setting)
