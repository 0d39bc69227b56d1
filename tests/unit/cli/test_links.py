"""``arpanet links``, of all hosts and as they change: beside a registry in memory."""

import json
from dataclasses import replace

import pytest

from arpanet import hookimpl
from arpanet.cli import links
from arpanet.cli.links import changed, line
from arpanet.codec import decode_links, encode_links
from arpanet.errors import EngineError
from arpanet.records import Host, Link, Target
from tests.support.stand_in import stand_in

WEB = Link("web", 6379, "redis", "redis:6379", (Target("10.0.0.1", 10000, "h1:r0:6379"),), "socket")
LOST = Link("web", 80, "shop", "localhost:80", error="service shop has no instance")


def test_links_survive_the_round_trip_but_for_counters():
    counted = replace(WEB, made=7, refused=1, last=12.5)
    assert decode_links(encode_links([counted, LOST])) == (WEB, LOST)
    assert decode_links(encode_links([counted]))[0].made is None


def test_what_many_links_share_is_told_once():
    targets = tuple(Target(f"10.0.0.{n}", 80, "an-instance-id") for n in range(100))
    many = [replace(WEB, client=f"web{n}", targets=targets) for n in range(100)]
    assert decode_links(encode_links(many)) == tuple(many)
    assert len(encode_links(many)) < 100 * 100 * 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[7]",
        '{"targets": [[["10.0.0.1"]]], "links": []}',
        '{"targets": [], "links": [{"client": 7}]}',
        '{"targets": [], "links": [[80, 0, "", "", "", "", "", ""]]}',
        '{"targets": [[]], "links": [[80, 0, "", "", "", "", ""]]}',
        '{"targets": [[]], "links": [["80", 0, "", "", "", "", "", ""]]}',
        "[" * 100_000,
        f'{{"{"x" * 1_000_000}": 0}}',
    ],
)
def test_what_others_wrote_may_be_no_links(text):
    with pytest.raises(ValueError):
        decode_links(text)


def test_what_changed():
    gone, moved = replace(LOST, client="old"), replace(WEB, targets=(Target("10.0.0.2", 1),))
    found = changed([("h1", gone), ("h1", WEB), ("h2", WEB)], [("h1", moved), ("h2", WEB)])
    assert [(sign, host, link) for sign, host, link in found] == [
        ("-", "h1", gone),
        ("~", "h1", moved),
    ]
    assert list(changed([], [("", LOST)])) == [("+", "", LOST)]


def test_a_line():
    assert line("+", "h1", WEB) == "+ h1 web redis:6379 = redis -> 10.0.0.1:10000 (socket)"
    expected = "- web localhost:80 = shop -> nowhere service shop has no instance"
    assert line("-", "", LOST) == expected


def test_of_many_targets_people_are_shown_some_and_programs_all():
    many = replace(WEB, targets=tuple(Target(f"fd00::{n}", 80) for n in range(1, 9)))
    words = "[fd00::1]:80 [fd00::2]:80 [fd00::3]:80 [fd00::4]:80 [fd00::5]:80 and 3 more (socket)"
    assert line("+", "", many) == f"+ web redis:6379 = redis -> {words}"
    assert links.targets(many, None) == " ".join(f"[fd00::{n}]:80" for n in range(1, 9))


@pytest.fixture
def cluster(recorder):
    for name in ("h1", "h2"):
        recorder.store.session(Host(name, "10.0.0.1"))
    recorder.store.tell("h1", "links", encode_links([WEB]))
    recorder.store.tell("h2", "links", encode_links([LOST]))
    recorder.store.tell("gone", "links", encode_links([LOST]))
    return recorder.store


def test_those_of_all_hosts_that_live(arpanet, cluster):
    done = arpanet("links", "--cluster", "-f", "json")
    assert (done.code, done.err) == (0, "")
    rows = json.loads(done.out)
    assert [(row["host"], row["dials"]) for row in rows] == [
        ("h1", "redis:6379"),
        ("h2", "localhost:80"),
    ]
    assert "made" not in rows[0]
    assert "redis:6379" in arpanet("links", "--cluster").out


def test_hosts_that_say_nothing_or_nonsense_are_named(arpanet, cluster):
    cluster.session(Host("h3", "10.0.0.3"))
    cluster.tell("h2", "links", "nonsense")
    done = arpanet("links", "--cluster", "-f", "json")
    assert len(json.loads(done.out)) == 1
    assert "what host h2 tells of its links makes no sense" in done.err
    assert "host h3 has not told its links; " not in done.err
    assert "host h3 has not told its links: 'arpanet status' there says more" in done.err


@pytest.fixture
def turns(monkeypatch):
    """What happens, one after the other, in the pauses of a watch; then somebody interrupts it."""
    waiting = []

    def pause(_):
        if not waiting:
            raise KeyboardInterrupt
        waiting.pop(0)()

    stand_in(monkeypatch, links, "time", sleep=pause)
    return waiting


def test_watch_prints_what_is_there_and_each_change_until_interrupted(arpanet, cluster, turns):
    turns.append(lambda: cluster.tell("h2", "links", encode_links([])))
    turns.append(lambda: None)
    turns.append(lambda: cluster.session(Host("gone", "10.0.0.9")))
    done = arpanet("links", "--cluster", "--watch")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        line("+", "h1", WEB),
        line("+", "h2", LOST),
        line("-", "h2", LOST),
        line("+", "gone", LOST),
    ]


def test_watch_as_json_lines(arpanet, cluster, turns):
    lines = arpanet("links", "--watch", "--cluster", "-f", "json").out.splitlines()
    assert [(one["change"], one["host"]) for one in map(json.loads, lines)] == [
        ("added", "h1"),
        ("added", "h2"),
    ]


def test_watch_of_this_host_says_once_what_is_in_the_way_and_when_it_is_gone(
    arpanet, recorder, turns, monkeypatch
):
    failing = []

    @hookimpl
    def arpanet_links(self):
        if failing:
            raise EngineError("the ambassador is not running")
        return [WEB]

    monkeypatch.setattr(type(recorder), "arpanet_links", arpanet_links)
    turns += [lambda: failing.append(1), lambda: None, failing.clear, lambda: None]
    done = arpanet("links", "--watch")
    assert done.out.splitlines() == [line("+", "", WEB)]
    assert done.err.splitlines() == ["the ambassador is not running", "all links are seen again"]


def test_watch_knows_two_formats(arpanet):
    done = arpanet("links", "--watch", "-f", "csv")
    assert (done.code, "--watch knows no -f csv" in done.err) == (2, True)
