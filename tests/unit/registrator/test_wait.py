"""``arpanet wait``: the real command line beside a registry in memory."""

import threading

import pytest

from arpanet import progress
from arpanet.records import Instance
from tests.support.stand_in import stand_in


def pg(number: int, health: str = "") -> Instance:
    return Instance(f"h2:p{number}:5432", ("pg",), "h2", "10.0.0.2", 5432 + number, health=health)


@pytest.fixture
def hold(recorder):
    """Let the other host have these."""
    return lambda *found: recorder.store.change("h2", None, list(found))


class AtOnce(threading.Timer):
    """Whatever is waited for takes too long."""

    def start(self):
        self.function(*self.args)

    def join(self, timeout=None):
        """It is over."""


def test_it_returns_once_there_are_enough(arpanet, hold, recorder, monkeypatch):
    hold(pg(1, "healthy"))
    assert arpanet("wait", "pg").code == 0
    hold(pg(1), pg(2, "starting"))
    follow = recorder.store.follow

    def followed(notify):
        follower = follow(notify)
        hold(pg(1), pg(2, "healthy"), pg(3))  # it is told of what there was first
        return follower

    monkeypatch.setattr(recorder.store, "follow", followed)
    stand_in(monkeypatch, progress, "threading", Timer=AtOnce)
    done = arpanet("wait", "pg", "--count", "3", "--timeout", "20")
    assert (done.code, done.out) == (0, "")
    assert "service pg has 1 of 3 instances ready (h2:p2:5432 is starting): waiting" in done.err


@pytest.mark.parametrize("health", ["starting", "unhealthy", "stopping"])
def test_it_gives_up_and_says_what_there_was(arpanet, hold, health):
    hold(pg(1, health))
    done = arpanet("wait", "pg", "--timeout", "0.2")
    assert done.code == 1
    assert (
        f"service pg has 0 of 1 instances ready (h2:p1:5432 is {health}), after 0.2 s"
        in done.err.splitlines()[-1]
    )


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--count", "0"), "'0' is no number from 1 to 10000"),
        (("--count", "x"), "'x' is no number from 1 to 10000"),
        (("--timeout", "-1"), "'-1' is no number of seconds"),
        (("--timeout", "nan"), "'nan' is no number of seconds"),
        (("--timeout", "soon"), "'soon' is no number of seconds"),
    ],
)
def test_bad_options(arpanet, option, says):
    done = arpanet("wait", "pg", *option)
    assert done.code == 2
    assert says in done.err
