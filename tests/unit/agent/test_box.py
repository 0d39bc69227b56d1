"""The memory that an agent shares with its supervisor."""

import os

import pytest

from arpanet.agent.box import SLOTS, Box


@pytest.fixture
def both():
    fd = Box.create()
    yield Box(fd), Box(fd)
    os.close(fd)


def test_beats_are_seen_on_the_other_side(both):
    agent, supervisor = both
    assert supervisor.beats == 0
    agent.beat()
    agent.beat()
    assert supervisor.beats == 2
    supervisor.clear()
    assert agent.beats == 0


def test_calls_are_seen_while_they_last(both):
    agent, supervisor = both
    with agent.calling("hello", "arpanet_agent_start"), agent.calling("ü" * 300, "x"):
        found = dict(supervisor.calls())
        assert found["hello"] == "arpanet_agent_start"
        assert len(found) == 2
        agent.forget()
        assert supervisor.calls() == []
    assert supervisor.calls() == []
    assert supervisor.beats == 0


def test_a_call_that_raises_has_ended(both):
    agent, supervisor = both
    with pytest.raises(ValueError, match="no"), agent.calling("hello", "x"):
        raise ValueError("no")
    assert supervisor.calls() == []


def test_more_calls_than_fit_are_made_all_the_same():
    box = Box()
    calls = [box.calling(str(number), "x") for number in range(SLOTS + 1)]
    for call in calls:
        call.__enter__()
    assert len(box.calls()) == SLOTS
    for call in calls:
        call.__exit__(None, None, None)
    assert box.calls() == []
