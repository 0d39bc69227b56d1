"""When a supervisor holds its agent to be stuck."""

from arpanet.agent.supervisor import TICK, _Watch


def test_standing_still_for_too_long_is_stuck():
    watch = _Watch(patience=3)
    looks = [watch.stuck(5, now * TICK) for now in range(6)]
    assert looks == [False, False, False, False, True, True]


def test_each_move_begins_anew():
    watch = _Watch(patience=3)
    assert not any(watch.stuck(now // 3, now * TICK) for now in range(100))


def test_looking_more_often_makes_nobody_impatient():
    watch = _Watch(patience=3)
    assert not any(watch.stuck(5, now * TICK / 100) for now in range(300))


def test_a_container_that_was_frozen_is_not_stuck():
    """Nobody looked meanwhile, and the agent could not move."""
    watch = _Watch(patience=3)
    assert not watch.stuck(5, 0.0)
    assert not watch.stuck(5, 3600.0)
    assert not watch.stuck(6, 3601.0)
