"""What ``arpanet services`` shows."""

from dataclasses import replace

import pytest
from arpanet_registrator import listing
from arpanet_registrator.instances import LeftOut
from arpanet_registrator.listing import Row

from arpanet.records import Instance, Refusal, Snapshot

REDIS = Instance(
    "h1:r0:6379",
    ("redis", "redis-6379"),
    "h1",
    "10.0.0.1",
    10000,
    tags=("master", "a,b"),
    health="healthy",
    started=1000.0,
)
PRIV = Instance("h2:p0:80", ("priv", "priv-80"), "h2", "", 80)
NOW = 1000.0 + 3 * 3600 + 59


def by_id(*instances: Instance) -> dict[str, Instance]:
    return {one.id: one for one in instances}


def rows(*instances: Instance) -> dict[str, Row]:
    return {one.id: Row(one) for one in instances}


def test_one_instance_for_a_script() -> None:
    assert listing.record(REDIS, NOW) == {
        "service": "redis",
        "address": "10.0.0.1:10000",
        "protocol": "tcp",
        "instance": "h1:r0:6379",
        "host": "h1",
        "health": "healthy",
        "age": 10859,
        "tags": ["master", "a,b"],
        "aliases": ["redis-6379"],
        "unconfirmed": False,
        "refused": "",
    }
    assert tuple(listing.record(REDIS, NOW)) == listing.FIELDS


def test_and_for_a_person() -> None:
    found = listing.words(listing.record(replace(REDIS, unconfirmed=True), NOW))
    assert (found["age"], found["tags"], found["unconfirmed"]) == ("3h", "master,a,b", "yes")
    nobody_said = listing.words(listing.record(PRIV, NOW))
    assert (nobody_said["address"], nobody_said["age"]) == ("on h2 only", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (10**6, "11d")],
)
def test_ages(seconds: int, text: str) -> None:
    record = listing.record(REDIS, REDIS.started + seconds)
    assert listing.words(record)["age"] == text


def test_a_name_is_any_that_it_answers_to() -> None:
    snapshot = Snapshot(by_id(REDIS, PRIV, Instance("x", (), "h1", "10.0.0.1", 1)))
    assert list(listing.chosen(snapshot, None)) == ["h2:p0:80", "h1:r0:6379"]
    assert list(listing.chosen(snapshot, "redis-6379")) == ["h1:r0:6379"]
    assert list(listing.chosen(snapshot, "nothing")) == []


def test_what_is_refused_is_listed_with_its_reason() -> None:
    stolen = Refusal(replace(REDIS, id="h9:r:1", host="h9"), "h9 has not been let in")
    nameless = Refusal(replace(REDIS, services=()), "x")
    snapshot = Snapshot(by_id(REDIS, PRIV), refused=(stolen, nameless))
    assert list(listing.rows(snapshot, None)) == ["h2:p0:80", "h1:r0:6379", "h9 h9:r:1"]
    found = listing.rows(snapshot, "redis")["h9 h9:r:1"]
    record = listing.record(found.instance, NOW, found.refused)
    assert record["refused"] == "h9 has not been let in"
    assert listing.line("+", record).endswith("[master,a,b] refused: h9 has not been let in")
    assert list(listing.rows(snapshot, "priv")) == ["h2:p0:80"]
    now_let_in = {"h1:r0:6379": Row(REDIS), "x": Row(stolen.instance)}
    refused = {"h1:r0:6379": Row(REDIS), "x": Row(stolen.instance, stolen.why)}
    assert list(listing.changed(refused, now_let_in)) == [("~", Row(stolen.instance))]


def test_a_change_is_what_shows() -> None:
    sick = replace(REDIS, health="unhealthy")
    restarted = replace(REDIS, started=2000.0)
    moved_inside = replace(REDIS, local={"bridge": "172.17.0.3:6379"})
    for after, expected in (
        (rows(REDIS, PRIV), [("+", PRIV)]),
        ({}, [("-", REDIS)]),
        (rows(sick), [("~", sick)]),
        (rows(restarted), [("~", restarted)]),
        (rows(moved_inside), []),
    ):
        assert list(listing.changed(rows(REDIS), after)) == [
            (sign, Row(one)) for sign, one in expected
        ]


def test_lines() -> None:
    now = REDIS.started
    assert listing.line("+", listing.record(REDIS, now)) == (
        "+ redis h1:r0:6379 10.0.0.1:10000 tcp healthy [master,a,b]"
    )
    gone = replace(PRIV, unconfirmed=True)
    assert listing.line("~", listing.record(gone, now)) == (
        "~ priv h2:p0:80 on h2 only tcp unconfirmed"
    )


def test_hints_name_what_is_nearly_it() -> None:
    group = [
        Instance(f"h1:w:{port}", (f"nginx-{port}",), "h1", "10.0.0.1", port) for port in (80, 443)
    ]
    snapshot = Snapshot(by_id(*group, PRIV))
    left_out = [
        LeftOut("r0", ("redis",), "port 6379 is not published"),
        LeftOut("nginx", ("x",), "port 1 is ignored"),
    ]
    (near, own) = listing.hints("nginx", snapshot, left_out)
    assert near.startswith("there is nginx-443 and nginx-80: ")
    assert own == "container nginx: port 1 is ignored"
    assert list(listing.hints("redis", snapshot, left_out)) == [
        "container r0: port 6379 is not published"
    ]
    assert list(listing.hints("pri", snapshot, left_out)) == [
        "a container that should be one says so on its own host: run this command there"
    ]
