"""What a label for health means, and what a row of answers does."""

import re

import pytest
from arpanet_registrator.checks import PROOFS, RECENT, START, Check, Judge, aimed, asked, worse
from arpanet_registrator.instances import Result, of_host
from arpanet_registrator.settings import Options

from arpanet.records import Container

from .fakes import redis


def check(value: str, number: int = 6379) -> Check | None:
    return asked(redis(labels={f"arpanet.check.{number}": value}), 6379)


def made_of(one: Container, **more: dict[tuple[str, int], str]) -> Result:
    return of_host([one], Options("h1", "10.0.0.1"), lambda port, protocol: True, **more)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("tcp", Check("", 2.0)),
        ("tcp every=500ms", Check("", 0.5)),
        ("http:/", Check("/", 2.0)),
        (" http:/up?deep=1  every=1.5s ", Check("/up?deep=1", 1.5)),
        ("http:/a//b every=5m", Check("/a//b", 300.0)),
    ],
)
def test_what_makes_sense(value: str, meaning: Check) -> None:
    assert check(value) == meaning
    assert check(value, 80) is None
    assert meaning.patience <= min(meaning.every, 5.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "is no check: write arpanet.check.<port>=http:/path every=2s, or =tcp"),
        ("yes", "is no check"),
        ("http", "is no check"),
        ("http:", "is no check"),
        ("http:/\u00e4", "is no check"),
        ("http:/a\x00b", "is no check"),
        ("ftp:/x", "is no check"),
        ("https:/x", "names a host"),
        ("http://169.254.169.254/latest", "a check goes to the container itself"),
        ("http:127.0.0.1/x", "a check goes to the container itself"),
        ("tcp:127.0.0.1:22", "a check goes to the container itself"),
        ("tcp every", "every is no time between two checks: every=200ms to every=5m"),
        ("tcp every=2", "no time between"),
        ("tcp every=-1s", "no time between"),
        ("tcp every=0s", "no time between"),
        ("tcp every=1ms", "no time between"),
        ("tcp every=6m", "no time between"),
        ("tcp every=999999m", "no time between"),
        ("tcp soon", "no time between"),
    ],
)
def test_what_does_not(value: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check(value)
    found = made_of(redis(labels={"arpanet.check.6379": value}))
    ((said,),) = found.warnings.values()
    assert said.startswith("port 6379 is not checked: ") and words in said
    assert found.checks == {} and [one.health for one in found.instances.values()] == [""]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:80",
        "[::1]:80",
        "169.254.169.254:80",
        "[fe80::1]:80",
        "0.0.0.0:80",
        "[::ffff:127.0.0.1]:80",
    ],
)
def test_no_check_reaches_the_host_or_its_neighbours(address: str) -> None:
    with pytest.raises(ValueError, match="no container's address"):
        aimed(Check("/", 2.0), address)


def test_health_is_the_worse_of_dockers_and_the_checks() -> None:
    one = redis(labels={"arpanet.check.6379": "tcp every=1s"}, health="healthy")
    found = made_of(one)
    assert [(key[1], c.address, c.every) for key, c in found.checks.items()] == [
        (6379, "10.0.0.1:10000", 1.0)
    ]
    (key,) = found.checks
    assert [one.health for one in found.instances.values()] == ["starting"]
    for said, health in (("healthy", "healthy"), ("unhealthy", "unhealthy")):
        found = made_of(one, health={key: said})
        assert [one.health for one in found.instances.values()] == [health]
    assert worse("stopping", "unhealthy") == "stopping" and worse("", "odd") == ""


@pytest.mark.parametrize("port", ["80", "06379", "6379/udp", "http", ""])
def test_a_label_of_no_port_is_told(port: str) -> None:
    found = made_of(redis(labels={f"arpanet.check.{port}": "tcp"}))
    ((said,),) = found.warnings.values()
    assert f"the label arpanet.check.{port} is " in said


def test_up_at_once_down_after_two_failures() -> None:
    judge = Judge(0.0)
    assert judge.health == "starting" and not judge.hear(False, 1.0)
    assert judge.hear(True, 2.0) and judge.health == "healthy"
    assert not judge.hear(False, 3.0) and not judge.hear(True, 4.0) and not judge.hear(False, 5.0)
    assert judge.hear(False, 6.0) and judge.health == "unhealthy"
    assert judge.hear(True, 7.0) and judge.health == "healthy"


def test_what_never_begins_is_unhealthy_in_the_end() -> None:
    judge = Judge(0.0)
    assert not any(judge.hear(False, float(now)) for now in range(1, int(START)))
    assert judge.hear(False, START + 1) and judge.health == "unhealthy"


def test_what_flaps_is_told_less_and_less_often() -> None:
    judge, told = Judge(0.0), 0
    for now in range(500):
        told += judge.hear(now % 3 == 0, float(now) / 10)  # well once, then twice not
    assert told == 4, "up, down, up, and down for good: two in a row are asked for by then"
    now = 60.0
    for fall in range(8):
        need = judge.proofs
        assert need == min(2 ** (len(judge.falls) - 1), PROOFS), fall
        told = sum(judge.hear(True, now) for _ in range(need))
        assert told == 1 and judge.health == "healthy"
        judge.hear(False, now), judge.hear(False, now)
    assert judge.proofs == PROOFS
    assert judge.fallen(now + RECENT) == 0 and judge.proofs == 1
