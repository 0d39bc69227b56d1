"""A plugin's own thread: what is told, what is asked, what is held."""

import threading

import pytest

from arpanet.errors import PluginError
from arpanet.workers import DEADLINE, Worker
from tests.conftest import wait_for


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def heard():
    return []


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def worker(heard, clock):
    made = Worker("hello", lambda hook, payload: heard.append((hook, payload)), clock=clock)
    yield made
    assert made.close(clock() + 10)


def test_no_thread_before_there_is_something_to_do(worker):
    before = threading.active_count()
    assert worker.close(0) is True
    assert threading.active_count() == before


def test_what_is_told_is_heard_in_order_and_worked_off_at_the_end(worker, heard, clock):
    for number in range(3):
        worker.tell("arpanet_hello_x", {"number": number})
    assert worker.close(clock() + 10)
    assert [payload["number"] for _, payload in heard] == [0, 1, 2]


def test_a_question_is_answered(worker):
    assert worker.ask("arpanet_status", lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        worker.ask("arpanet_status", lambda: 1 / 0)
    assert worker.ask("arpanet_status", lambda: worker.ask("arpanet_status", lambda: 6)) == 6


def test_a_question_that_hangs_is_given_up_and_the_next_is_not_even_asked(worker, clock):
    free, began = threading.Event(), threading.Event()

    def hang():
        began.set()
        free.wait(10)

    with pytest.raises(PluginError, match=r"no answer within 0\.01 s"):
        worker.ask("arpanet_status", hang, 0.01)
    assert began.wait(10)
    assert not worker.hangs()
    assert worker.state() == {"waiting": 0, "dropped": 0, "hook": "arpanet_status", "since": 100.0}
    # nobody waits for it a second time
    with pytest.raises(PluginError, match="not asked: it hangs in arpanet_status"):
        worker.ask("arpanet_links", lambda: pytest.fail("asked"))
    clock.now += DEADLINE + 1
    assert worker.hangs()
    with pytest.raises(PluginError, match="not asked: it hangs in arpanet_status"):
        worker.ask("arpanet_status", lambda: 1)
    free.set()
    assert worker.close(clock() + 10)
    assert not worker.hangs()


def test_a_question_behind_a_slow_event_is_given_up_and_never_asked(clock):
    free, began = threading.Event(), threading.Event()

    def handle(hook, payload):
        began.set()
        free.wait(10)

    worker = Worker("hello", handle, clock=clock)
    worker.tell("arpanet_agent_start", {})
    assert began.wait(10)
    with pytest.raises(PluginError, match="no answer"):
        worker.ask("arpanet_status", lambda: pytest.fail("asked"), 0.01)
    free.set()
    wait_for(lambda: "hook" not in worker.state())
    assert worker.ask("arpanet_status", lambda: 5) == 5
    assert worker.close(clock() + 10)


def test_events_of_one_that_hangs_wait_and_do_not_pile_up(clock):
    free, began, seen = threading.Event(), threading.Event(), []

    def handle(hook, payload):
        seen.append(payload["containers"])
        began.set()
        free.wait(10)

    worker = Worker("hello", handle, clock=clock)
    worker.tell("arpanet_containers_synced", {"containers": 0})
    assert began.wait(10)
    for number in range(1, 1000):
        worker.tell("arpanet_containers_synced", {"containers": number})
    assert worker.state()["waiting"] == 1
    free.set()
    assert worker.close(clock() + 10)
    assert seen == [0, 999]


def test_each_call_is_marked_while_it_lasts(heard, clock):
    marks = []

    class Mark:
        def __init__(self, *words):
            self.words = words

        def __enter__(self):
            marks.append(self.words)

        def __exit__(self, *_):
            marks.append("left")

    worker = Worker("hello", lambda hook, payload: marks.append("called"), Mark, clock)
    worker.tell("arpanet_agent_start", {})
    assert worker.close(clock() + 10)
    assert marks == [("hello", "arpanet_agent_start"), "called", "left"]
