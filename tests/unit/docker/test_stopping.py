"""Stop signals: whose, for how long, and of which run of a container."""

from dataclasses import replace

import pytest

from arpanet.docker.inspect import Event
from arpanet.docker.stopping import MARGIN, Stopping
from arpanet.records import Container

STARTED, EPOCH = "2026-01-01T00:00:00Z", 1767225600.0
WEB = Container("c", "web", "image", 1, STARTED, stop_signal=3, stop_timeout=5.0)


def heard(signal=3, at=EPOCH + 100, clock=None, container=WEB):
    found = Stopping()
    found.hear(Event("c", "kill", signal, at), container, 50.0, at if clock is None else clock)
    return found


def names(found, container=WEB):
    return [(one.name, one.health) for one in found.marked({"c": container} if container else {})]


@pytest.mark.parametrize(("signal", "expected"), [(3, True), (9, True), (15, False), (1, False)])
def test_its_own_signal_and_the_last_one_count(signal, expected):
    assert bool(names(heard(signal))) is expected


def test_it_stops_until_its_time_is_over():
    found = heard()
    assert (found.due, found.outlived(found.due - 0.1)) == (50 + 5 + MARGIN, [])
    assert names(found) == [("web", "stopping")]
    assert found.outlived(found.due) == ["c"]
    assert (names(found), found.due) == ([], float("inf"))


def test_an_event_that_comes_late_counts_from_when_it_was():
    assert heard(clock=EPOCH + 103).due == 50 + 5 + MARGIN - 3
    assert names(heard(clock=EPOCH + 200)) == []


def test_a_clock_that_was_put_back_holds_nobody_longer():
    assert heard(clock=EPOCH - 5000).due == 50 + 5 + MARGIN


def test_a_signal_to_an_earlier_run_is_nothing():
    assert names(heard(at=EPOCH - 1, clock=EPOCH)) == []
    odd = replace(WEB, started="odd")
    assert names(heard(at=EPOCH - 1, container=odd), odd) == [("web", "stopping")]


def test_a_signal_counts_wherever_the_clock_was_put_since_the_start():
    assert names(heard(at=EPOCH + 9000)) == [("web", "stopping")]
    assert names(heard(at=EPOCH - 3000, clock=EPOCH - 3000)) == [("web", "stopping")]
    # one of before that, to an earlier run, which Docker tells again
    assert names(heard(at=EPOCH - 1, clock=EPOCH - 3000)) == []


@pytest.mark.parametrize("now", [None, Container("c", "web", "image", 2, "2026-01-02T00:00:00Z")])
def test_who_ended_or_runs_anew_is_forgotten(now):
    found = heard()
    assert names(found, now) == []
    assert found.due == float("inf")
