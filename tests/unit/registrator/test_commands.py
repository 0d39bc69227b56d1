"""``arpanet services``: the real command line beside a registry in memory."""

import json
from types import SimpleNamespace

import pytest
from arpanet_registrator import commands

from arpanet.context import Context
from arpanet.errors import EngineUnreachable, RegistryUnreachable
from arpanet.records import Instance, Port, Snapshot
from tests.unit.registrator.fakes import FakeEngine, by_id, redis

R1 = Instance("h2:r1:6379", ("redis", "redis-6379"), "h2", "10.0.0.2", 10001, started=1.0)


@pytest.fixture
def engine(monkeypatch):
    """This host's Docker, which runs nothing yet."""
    fake = FakeEngine()
    fake.running = {}
    fake.containers, fake.own = lambda: fake.running, lambda part=None: []
    fake.close = lambda: None
    monkeypatch.setattr(Context, "engine", fake)
    return fake


def test_one_service(arpanet, recorder):
    recorder.store.change("h2", None, [R1, Instance("h2:w:80", ("web",), "h2", "10.0.0.2", 80)])
    rows = json.loads(arpanet("services", "redis", "-f", "json").out)
    assert [(row["host"], row["age"] is None) for row in rows] == [("h1", True), ("h2", False)]
    assert rows[1]["aliases"] == ["redis-6379"]
    assert len(json.loads(arpanet("services", "-f", "json").out)) == 3
    assert (
        arpanet("services", "redis-6379", "-f", "value", "-c", "address").out == "10.0.0.2:10001\n"
    )


def test_a_service_without_an_instance_says_why(arpanet, engine):
    engine.running = by_id(redis("priv", ports=(Port(6379),)))
    for name in ("priv", "redis-6379"):
        done = arpanet("services", name, "-f", "json")
        assert (done.code, json.loads(done.out)) == (0, [])
        assert done.err == (
            f"service {name} has no instance\n"
            "container priv: port 6379 is not published:"
            " publish it with -p, or give it a SERVICE_NAME for clients on this host alone\n"
        )


def test_what_runs_here_and_is_not_registered_is_named(arpanet, engine, recorder, monkeypatch):
    """It was too much for the registry, or the registrator is behind."""
    running = redis("big", ports=(Port(6379, host_ip="0.0.0.0", host_port=7000),))
    engine.running = by_id(running)
    monkeypatch.setenv("HOSTNAME", "h1")
    monkeypatch.setenv("ARPANET_IP", "10.0.0.1")
    mine = Instance("h1:big:6379", ("redis",), "h1", "10.0.0.1", 7000)
    said = f"{mine.id} is not registered, or not yet: 'arpanet status' says why\n"
    assert arpanet("services", "redis").err == said  # others of that name are there
    assert arpanet("services").err == ""
    recorder.store.change("h1", None, [mine])
    assert arpanet("services", "redis").err == ""


def test_why_the_registry_does_not_take_it_is_told(arpanet, engine, recorder, monkeypatch):
    """200 and 10,000 names in one SERVICE_NAME: each container is named, and no other suffers."""
    monkeypatch.setenv("HOSTNAME", "h1")
    monkeypatch.setenv("ARPANET_IP", "10.0.0.1")
    many = redis("many", env={"SERVICE_NAME": ",".join(f"n{at}" for at in range(200))})
    engine.running = by_id(many)
    why = "many: the registry refuses h1:many:6379: has 400 names: 64 are the most"
    left = {"warnings": [why, "r9: SERVICE_IGNORE=false ignores it"]}
    engine.own = lambda part: [SimpleNamespace(name="arpanet_registrator")]
    engine.read_file = lambda name, path: json.dumps(left).encode()
    for words in (("n7",), ()):
        assert why in arpanet("services", *words).err.splitlines()
        assert "r9" not in arpanet("services", *words).err
    assert why not in arpanet("services", "redis").err
    left["warnings"] = 2  # an older agent's
    assert "'arpanet status' says why" in arpanet("services", "n7").err


def test_what_the_registry_lost_shows_as_long_as_an_agent_here_knows_it(
    arpanet, recorder, engine, monkeypatch
):
    web = Instance("h3:w:80", ("web",), "h3", "10.0.0.3", 80, unconfirmed=True)
    moved = Instance("h3:r1:6379", ("redis",), "h3", "10.0.0.2", 10001, unconfirmed=True)
    monkeypatch.setattr(commands, "lost_instances", lambda context: (web, moved, R1))
    recorder.store.change("h2", None, [R1])
    rows = json.loads(arpanet("services", "-f", "json").out)
    found = {row["instance"]: row["unconfirmed"] for row in rows}
    assert found == {"h1:r0:6379": False, R1.id: False, web.id: True}


def test_a_name_that_leads_to_different_ports_on_different_hosts_is_told(arpanet, recorder):
    tls = Instance("h2:b:443", ("web", "web-443"), "h2", "10.0.0.2", 443)
    recorder.store.change(
        "h3", None, [Instance("h3:a:80", ("web-80", "web"), "h3", "10.0.0.3", 80)]
    )
    recorder.store.change("h2", None, [tls])
    done = arpanet("services", "web", "-f", "json")
    assert done.err == (
        "service web leads to port 80 of h3:a:80 and to port 443 of h2:b:443:"
        " give one another name with SERVICE_<port>_NAME\n"
    )


def test_nothing_is_guessed_where_docker_does_not_answer(arpanet, engine):
    def containers():
        raise EngineUnreachable("Docker does not run")

    engine.containers = containers
    done = arpanet("services", "priv", "-f", "json")
    assert (done.code, done.err.splitlines()[0]) == (0, "service priv has no instance")
    assert len(done.err.splitlines()) == 2


class Follower:
    """Tells of *snapshots*, has each of *troubles* in turn, and then Ctrl-C is pressed."""

    def __init__(self, notify, snapshots, troubles):
        for one in snapshots:
            notify(one)
        self._troubles = iter(troubles)
        self.closed = False

    @property
    def trouble(self):
        for one in self._troubles:
            return one
        raise KeyboardInterrupt

    def close(self):
        self.closed = True


@pytest.fixture
def follow(recorder, monkeypatch):
    """Have the registry tell a story; returns the followers that it had."""
    monkeypatch.setattr(commands, "LOOK", 0.0)

    def tell(*snapshots, troubles=()):
        followers = []

        def begin(notify):
            followers.append(Follower(notify, snapshots, troubles))
            return followers[-1]

        recorder.store.follow = begin
        return followers

    return tell


R0 = Instance("h1:r0:6379", ("redis",), "h1", "10.0.0.1", 10000)
WEB = Instance("h1:w0:80", ("web",), "h1", "10.0.0.1", 80)
STORY = [Snapshot(by_id(*one)) for one in ((R0, WEB), (R0, WEB, R1), (R1,))]


def test_watch_prints_what_is_there_and_each_change_until_interrupted(arpanet, follow):
    followers = follow(*STORY)
    done = arpanet("services", "--watch")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "+ redis h1:r0:6379 10.0.0.1:10000 tcp",
        "+ web h1:w0:80 10.0.0.1:80 tcp",
        "+ redis h2:r1:6379 10.0.0.2:10001 tcp",
        "- redis h1:r0:6379 10.0.0.1:10000 tcp",
        "- web h1:w0:80 10.0.0.1:80 tcp",
    ]
    assert [one.closed for one in followers] == [True]


def test_watch_of_one_service_as_json_lines(arpanet, follow):
    follow(*STORY)
    lines = arpanet("services", "redis", "--watch", "-f", "json").out.splitlines()
    assert [(one["change"], one["host"]) for one in map(json.loads, lines)] == [
        ("added", "h1"),
        ("added", "h2"),
        ("removed", "h1"),
    ]


def test_watch_says_once_that_the_registry_does_not_answer_and_that_it_does(arpanet, follow):
    follow(Snapshot(), troubles=["no master answers", "no master answers", ""])
    assert arpanet("services", "--watch").err.splitlines() == [
        "no master answers",
        "the registry is followed again",
    ]


def test_watch_ends_at_once_without_a_registry(arpanet, recorder):
    def read():
        raise RegistryUnreachable("no master answers")

    recorder.store.read = read
    done = arpanet("services", "--watch")
    assert (done.code, done.err) == (5, "arpanet: no master answers\n")


def test_watch_knows_two_formats(arpanet):
    done = arpanet("services", "--watch", "-f", "csv")
    assert (done.code, done.err) == (
        2,
        "arpanet: --watch knows no -f csv; use -f json, or none\n",
    )


def test_what_others_wrote_does_not_steer_the_terminal(arpanet, recorder):
    evil = "red\x1b[31m\x07\x9b"
    recorder.store.change("h2", None, [Instance("h2:w:80", (evil,), "h2", "10.0.0.2", 80)])
    for form in ("table", "value", "csv"):
        out = arpanet("services", "-f", form).out
        assert "red\N{REPLACEMENT CHARACTER}[31m" in out
        assert not {"\x1b", "\x07", "\x9b"} & set(out)
    (row,) = (r for r in json.loads(arpanet("services", "-f", "json").out) if r["host"] == "h2")
    assert row["service"] == evil


def test_nor_while_it_is_watched(arpanet, follow):
    evil = "red\x1b[31m\x07\x9b"
    one = Instance("h2:w:80", (evil,), "h2", "10.0.0.2", 80)
    follow(Snapshot({one.id: one}))
    out = arpanet("services", "--watch").out
    assert "+ red\N{REPLACEMENT CHARACTER}[31m" in out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)
