"""Docker's events, as they are replayed and as they happen."""

import time
from types import SimpleNamespace

import pytest

from arpanet.docker import events
from arpanet.docker.events import Touched


def event(action, age):
    actor = {"ID": "c", "Attributes": {"signal": "15"}}
    return {
        "Type": "container",
        "Action": action,
        "Actor": actor,
        "timeNano": int((time.time() - age) * 1e9),
    }


@pytest.fixture
def touched(monkeypatch):
    def heard(*every, replayed=5.0):
        monkeypatch.setattr(events, "REPLAYED", replayed)
        asked = {}
        client = SimpleNamespace(events=lambda **more: asked.update(more) or iter(every))
        return [one.action for one in Touched(client, "unix://")], asked

    return heard


def test_of_what_was_long_ago_only_signals_are_heard(touched):
    found, asked = touched(event("start", 100), event("kill", 100), event("start", 1))
    assert found == ["kill", "start"]
    assert time.time() - asked["since"] > events.MEMORY - 5


def test_a_clock_that_is_put_back_silences_nobody(touched):
    assert touched(event("start", 3600), replayed=-1.0)[0] == ["start"]
