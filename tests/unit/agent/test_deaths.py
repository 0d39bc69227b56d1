"""How soon the next agent comes, and without whom."""

import signal

import pytest

from arpanet.agent.deaths import (
    BROKEN,
    FIRST,
    LONGEST,
    MOST_PATIENCE,
    PATIENCE,
    STEADY,
    SUSPECT,
    WINDOW,
    Death,
    History,
    how,
)

HELLO = ("hello", "arpanet_container_register")


def death(at=0.0, lived=1.0, code=1, began=True, stuck=False, calls=()):
    return Death(at, lived, code, began, stuck, calls)


def test_a_crash_loop_never_adds_up_to_silence():
    history, silent, at = History(), 0.0, 0.0
    for _ in range(200):
        history.add(death(at, code=-signal.SIGKILL))
        silent, at = silent + history.pause, at + 1
        assert history.pause <= LONGEST
    assert silent < 100
    assert history.left_out == {}


def test_the_first_death_after_a_steady_life_costs_next_to_nothing():
    history = History()
    for number in range(9):
        history.add(death(number))
    history.add(death(100, lived=STEADY))
    assert history.pause == FIRST


def test_a_broken_installation_is_not_tried_many_times_a_second():
    history = History()
    for number in range(20):
        history.add(death(number, began=False))
    assert history.pause == BROKEN


def test_a_plugin_in_whose_calls_it_dies_again_and_again_is_left_out_by_name():
    history = History()
    for number in range(SUSPECT):
        assert history.left_out == {}
        history.add(death(number, code=3, calls=[HELLO, ("other", "x")][: 2 - number % 2]))
    assert set(history.left_out) == {"hello"}
    assert "3 times while it was in arpanet_container_register" in history.left_out["hello"]


def test_what_was_long_ago_counts_for_nothing():
    history = History()
    for number in range(10):
        history.add(death(number * WINDOW, code=3, calls=[HELLO]))
    assert history.left_out == {}
    assert history.recent(9 * WINDOW) == (
        1,
        "exit code 3, plugin hello in arpanet_container_register",
    )
    assert history.recent(11 * WINDOW) == (0, "")


@pytest.mark.parametrize("code", [-signal.SIGKILL, -signal.SIGTERM])
def test_who_is_killed_from_outside_blames_nobody(code):
    history = History()
    for number in range(5):
        history.add(death(number, code=code, calls=[HELLO]))
    assert history.left_out == {}


def test_a_crash_in_c_is_a_crash():
    history = History()
    for number in range(SUSPECT):
        history.add(death(number, code=-signal.SIGSEGV, calls=[HELLO]))
    assert set(history.left_out) == {"hello"}


def test_one_that_was_stuck_gets_more_time_each_time():
    history = History()
    for expected in (2 * PATIENCE, 4 * PATIENCE, MOST_PATIENCE, MOST_PATIENCE):
        history.add(death(code=-signal.SIGKILL, stuck=True))
        assert history.patience == expected
    history.add(death())
    assert history.patience == PATIENCE


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (death(code=3), "exit code 3"),
        (death(code=-signal.SIGKILL), "killed by SIGKILL"),
        (death(code=-9, stuck=True, calls=[HELLO]), "it was stuck and was ended, plugin hello in"),
        (death(code=0, calls=[HELLO]), "exit code 0, plugin hello in arpanet_container_register"),
    ],
)
def test_in_words(one, words):
    assert how(one).startswith(words)
