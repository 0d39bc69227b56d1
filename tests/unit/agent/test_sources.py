"""What an agent follows: begun when it can be, its troubles told when they stay."""

from types import SimpleNamespace

import pytest

from arpanet.agent.sources import AGAIN, PATIENCE, Source
from arpanet.errors import EngineUnreachable


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture(autouse=True)
def info(caplog):
    caplog.set_level("INFO", logger="arpanet.agent.sources")


def test_it_is_begun_once_and_closed(now):
    begun, closed = [], []
    running = SimpleNamespace(trouble="", close=lambda: closed.append(1))
    source = Source("docker", lambda: begun.append(1) or running, lambda: now[0])
    for _ in range(3):
        assert source.look() == ""
        now[0] += AGAIN
    source.close()
    assert (begun, closed) == ([1], [1])


@pytest.mark.parametrize("problem", [EngineUnreachable("Docker does not answer"), OSError()])
def test_what_cannot_begin_is_tried_again_but_not_all_the_time(now, problem):
    tried, running = [], SimpleNamespace(trouble="")

    def follow():
        tried.append(now[0])
        if now[0] < 3 * AGAIN:
            raise problem
        return running

    source = Source("docker", follow, lambda: now[0])
    assert source.look() == (str(problem) or "OSError")
    assert source.look()
    while source.look():
        now[0] += AGAIN / 2
    assert tried == [0.0, AGAIN, 2 * AGAIN, 3 * AGAIN]


def test_only_a_trouble_that_stays_is_logged_and_when_it_is_over(now, caplog):
    running = SimpleNamespace(trouble="connecting")
    source = Source("registry", lambda: running, lambda: now[0])
    source.look()
    now[0] += PATIENCE / 2
    running.trouble = ""
    source.look()
    assert caplog.messages == []
    for running.trouble in ("no master", "no master", "no master", "no quorum", ""):
        source.look()
        now[0] += PATIENCE
    assert caplog.messages == [
        "registry: no master",
        "registry: no quorum",
        "registry: all is well again",
    ]
