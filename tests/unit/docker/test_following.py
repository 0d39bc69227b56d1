"""Running containers are followed: level, not edge."""

import queue
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from arpanet.docker import following as module
from arpanet.docker import stopping
from arpanet.docker.following import Following
from arpanet.docker.glance import Glance
from arpanet.docker.inspect import Event
from arpanet.docker.problems import Silent
from arpanet.errors import EngineError, EngineUnreachable
from arpanet.records import Container
from tests.conftest import wait_for


def running(name, **more):
    return Container(name, name, "image", 1, "now", **more)


class Stream:
    def __init__(self):
        self.queue = queue.SimpleQueue()

    def __iter__(self):
        yield from iter(self.queue.get, None)

    def close(self):
        self.queue.put(None)


class Source:
    """A Docker whose containers and events a test sets."""

    def __init__(self):
        self.now, self.stream, self.down, self.looks, self.lists = {}, None, False, [], 0
        self.connects, self.fails = 0, {}

    def check(self):
        if self.down:
            raise EngineUnreachable("Docker does not run")

    def subscribe(self):
        self.check()
        self.connects += 1
        self.stream = Stream()
        return self.stream

    def listed(self):
        self.check()
        self.lists += 1
        return {name: Glance(f"the-{name}", repr(one), 1) for name, one in self.now.items() if one}

    def container(self, container):
        self.check()
        self.looks.append(container)
        if container in self.fails:
            raise self.fails[container]
        return self.now.get(container)

    def happens(self, name, action="start", signal=0):
        self.stream.queue.put(Event(name, action, signal, time.time()))


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def follow(source):
    opened = []

    def start(resync=30.0, notify=None):
        told = []
        opened.append(Following(source, notify or told.append, resync))
        wait_for(lambda: told or notify)
        return opened[-1], told

    yield start
    for one in opened:
        one.close()


def test_first_comes_the_whole(source, follow):
    source.now["a"] = running("a")
    following, told = follow()
    assert told == [{"a": running("a")}]
    assert following.trouble == ""


def test_a_start_and_an_end_are_told(source, follow):
    _, told = follow()
    source.now["a"] = running("a")
    source.happens("a")
    wait_for(lambda: told[-1] == {"a": running("a")})
    source.now["a"] = None
    source.happens("a", "die")
    wait_for(lambda: told[-1] == {})
    assert source.lists == 1


def test_one_that_ends_is_not_asked_for(source, follow):
    """Docker may be starting it again, and answers when it has: others would wait for that."""
    source.now["a"] = running("a")
    _, told = follow()
    source.happens("a", "die")
    wait_for(lambda: told[-1] == {})
    assert source.looks == ["a"]
    source.happens("a")
    wait_for(lambda: told[-1] == {"a": running("a")})


def test_the_end_of_a_former_run_says_nothing_of_this_one(source, follow):
    source.now["a"] = replace(running("a"), started=datetime.now(UTC).isoformat())
    _, told = follow()
    source.stream.queue.put(Event("a", "die", 0, time.time() - 60))
    wait_for(lambda: source.looks == ["a", "a"])
    source.now["b"] = running("b")
    source.happens("b")
    wait_for(lambda: told[-1] == source.now)
    assert all("a" in one for one in told)


def test_what_is_told_is_the_receivers(source, follow):
    _, told = follow()
    told[0]["mine"] = "x"
    source.now["a"] = running("a")
    source.happens("a")
    wait_for(lambda: told[-1] == {"a": running("a")})


def test_only_what_may_have_changed_is_looked_at(source, follow):
    _, told = follow()
    source.happens("starting", "connect")  # its start is an event of its own
    source.happens("unknown", "die")
    source.now["a"] = running("a")
    source.happens("a")
    wait_for(lambda: len(told) == 2)
    source.now["a"] = running("a", networks={"n": "10.0.0.2"})
    source.happens("a", "connect")
    wait_for(lambda: len(told) == 3)
    source.happens("a", "update")
    wait_for(lambda: len(source.looks) == 3)
    assert source.looks == ["a", "a", "a"]
    assert len(told) == 3  # an update that changed nothing


def test_a_lost_event_is_found_by_the_comparison(source, follow):
    _, told = follow(resync=0.05)
    source.now["a"] = running("a")
    wait_for(lambda: told[-1] == {"a": running("a")})
    count = len(told)
    wait_for(lambda: len(told) > count)  # told also when nothing changed


def test_what_goes_on_as_it_was_is_looked_at_once(source, follow):
    source.now |= {"a": running("a"), "b": running("b")}
    _, told = follow(resync=0.05)
    wait_for(lambda: source.lists > 2)
    assert sorted(source.looks) == ["a", "b"]
    source.now["b"] = running("b", networks={"n": "10.0.0.2"})  # and no event tells
    wait_for(lambda: told[-1]["b"].networks)
    assert source.looks.count("a") == 1
    source.stream.queue.put(None)  # what happened until the next connect, nobody has heard
    wait_for(lambda: source.looks.count("a") == 2)


def test_an_outage_is_never_an_empty_host(source, follow):
    source.now["a"] = running("a")
    following, told = follow(resync=0.05)
    source.down = True
    source.stream.close()
    wait_for(lambda: following.trouble == "Docker does not run")
    source.now = {"b": running("b")}
    source.down = False
    wait_for(lambda: told[-1] == {"b": running("b")})
    wait_for(lambda: following.trouble == "")
    assert {} not in told


def test_a_failed_look_leads_to_a_new_connection(source, follow):
    following, told = follow()
    first, source.down = source.stream, True
    source.happens("a")
    wait_for(lambda: following.trouble)
    source.now["a"] = running("a")
    source.down = False
    wait_for(lambda: told[-1] == {"a": running("a")})
    assert source.stream is not first


FAULTS = [EngineError("odd"), Silent("no answer in time"), KeyError("State")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: type(one).__name__)
def test_one_that_cannot_be_inspected_blocks_no_other(source, follow, fault, caplog, monkeypatch):
    monkeypatch.setattr(module, "FIRST_RETRY", 0.02)
    source.now = {"bad": running("bad"), "a": running("a")}
    source.fails["bad"] = fault
    following, told = follow()
    assert told == [{"a": running("a")}]
    assert "container the-bad can't be inspected: " in following.trouble
    assert str(fault.args[0]) in following.trouble
    source.now["b"] = running("b")
    source.happens("b")
    wait_for(lambda: told[-1].keys() == {"a", "b"})
    wait_for(lambda: source.looks.count("bad") > 3)
    assert source.connects == 1
    assert len(caplog.records) == 1
    del source.fails["bad"]
    wait_for(lambda: told[-1].keys() == {"a", "b", "bad"})
    assert following.trouble == ""


def test_one_that_was_known_stays_until_it_ends(source, follow):
    source.now["a"] = running("a")
    following, told = follow()
    source.fails["a"] = EngineError("odd")
    source.happens("a", "update")
    wait_for(lambda: following.trouble)
    assert told[-1] == {"a": running("a")}
    source.now["a"] = None
    source.happens("a", "die")
    wait_for(lambda: told[-1] == {})
    assert following.trouble == ""


def test_one_that_cannot_be_inspected_is_asked_for_less_and_less_often(source, follow):
    source.now["bad"] = running("bad")
    source.fails["bad"] = EngineError("odd")
    _, told = follow(resync=0.01)
    wait_for(lambda: len(told) > 10)  # each of these is a full look
    assert source.looks == ["bad"]  # again in a second, then in two


def test_nothing_that_is_raised_ends_a_thread_silently(source, follow, caplog):
    following, told = follow()
    source.listed = source.subscribe = lambda: 1 / 0
    source.stream.close()
    wait_for(lambda: "ZeroDivisionError: division by zero" in following.trouble)
    assert "Traceback" in caplog.text
    del source.listed, source.subscribe
    source.now["a"] = running("a")
    wait_for(lambda: told[-1] == {"a": running("a")})
    assert following.trouble == ""


def test_a_receiver_that_fails_is_told_the_next_time(source, follow, caplog):
    told = []

    def notify(found):
        told.append(found)
        raise ValueError("no")

    follow(notify=notify)
    wait_for(lambda: told)
    source.now["a"] = running("a")
    source.happens("a")
    wait_for(lambda: len(told) == 2)
    assert "telling of the running containers" in caplog.text


def test_nothing_is_told_after_close(source, follow):
    following, told = follow(resync=0.01)
    following.close()
    count = len(told)
    assert not [one for one in threading.enumerate() if one.name.startswith("docker-")]
    assert len(told) == count


def test_the_receiver_may_close(source):
    done = threading.Event()

    def notify(_):
        following.close()
        done.set()

    ready = threading.Event()
    following = Following(source, lambda found: (ready.wait(5), notify(found)), 30)
    ready.set()
    assert done.wait(10)


def test_a_stop_signal_is_told_at_once_and_without_a_look(source, follow):
    source.now["a"] = running("a")
    _, told = follow()
    looks = len(source.looks)
    source.happens("a", "kill", 15)
    wait_for(lambda: told[-1] == {"a": running("a", health="stopping")})
    assert len(source.looks) == looks
    source.now["a"] = None
    source.happens("a", "die")
    wait_for(lambda: told[-1] == {})


def test_a_stop_signal_is_remembered_by_later_looks(source, follow):
    source.now["a"] = running("a")
    _, told = follow(resync=0.05)
    source.happens("a", "kill", 15)
    wait_for(lambda: told[-1]["a"].health == "stopping")
    lists, source.now["a"] = source.lists, running("a", health="healthy")
    source.happens("a", "health_status")
    wait_for(lambda: source.lists > lists + 2)
    assert told[-1]["a"].health == "stopping"
    source.now["a"] = Container("a", "a", "image", 2, "later")  # another run of it
    wait_for(lambda: told[-1]["a"].health == "")


def test_other_signals_change_nothing(source, follow):
    source.now |= {"a": running("a"), "b": running("b")}
    _, told = follow()
    source.happens("a", "kill", 1)
    source.happens("b", "kill", 15)
    wait_for(lambda: told[-1]["b"].health == "stopping")
    assert told[-1]["a"].health == ""


def test_who_outlives_the_signal_is_back(source, follow, monkeypatch):
    monkeypatch.setattr(stopping, "MARGIN", 0.05)
    source.now["a"] = running("a", stop_timeout=0.0)
    _, told = follow()
    source.happens("a", "kill", 15)
    wait_for(lambda: {"a": running("a", stop_timeout=0.0, health="stopping")} in told)
    wait_for(lambda: told[-1] == {"a": running("a", stop_timeout=0.0)})
