"""Session, auto and backoff over stores and writers that do as they are told."""

import pytest
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.wire import NotEtcd
from arpanet_etcd.registry.auto import AGAIN, AutoStore
from arpanet_etcd.registry.registry import EtcdRegistry
from arpanet_etcd.registry.session import HostSession

from arpanet.errors import RegistryError, RegistryUnreachable
from tests.conftest import wait_for
from tests.unit.etcd.registry.stores import GONE, HOST, LAYOUT, ONE, Store, listing

# -- session -------------------------------------------------------------------------------------


class Writer:
    def __init__(self):
        self.refreshed, self.written, self.problems, self.refused = 0, [], [], {}

    def refresh(self):
        self.refreshed += 1
        if self.problems:
            raise self.problems.pop(0)

    def write(self, wanted):
        self.written.append([one.id for one in wanted])
        return self.refused


@pytest.fixture
def session():
    sessions = []

    def start(writer, ttl=30):
        sessions.append(HostSession(writer, ttl))
        return sessions[-1]

    yield start
    for one in sessions:
        one.close()


def test_nothing_is_written_before_something_was_published(session):
    writer = Writer()
    running = session(writer)
    wait_for(lambda: running.trouble == "")
    assert (writer.refreshed, writer.written) == (1, [])
    running.publish([ONE])
    wait_for(lambda: writer.written == [[ONE.id]])
    running.publish(())
    wait_for(lambda: writer.written == [[ONE.id], []])
    assert writer.refreshed == 1


def test_it_refreshes_three_times_within_the_time_to_live(session):
    writer = Writer()
    session(writer, 0.3)
    wait_for(lambda: writer.refreshed >= 3, 1)


@pytest.mark.parametrize("problem", [RegistryUnreachable("nobody"), KeyError("a bug")])
def test_trouble_is_said_and_tried_again_and_what_was_published_is_not_forgotten(session, problem):
    writer = Writer()
    writer.problems = [problem, problem]
    running = session(writer)
    running.publish([ONE])
    assert running.trouble
    wait_for(lambda: running.trouble == "", 2)
    assert writer.refreshed == 3
    assert writer.written[-1] == [ONE.id]


def test_what_is_refused_is_told_once_and_no_trouble(session, caplog):
    writer = Writer()
    writer.refused = {ONE.id: "has 200 names"}
    running = session(writer, 0.1)
    running.publish([ONE])
    wait_for(lambda: len(writer.written) > 3)
    assert (running.trouble, running.refused) == ("", {ONE.id: "has 200 names"})
    warnings = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert warnings == ["instance h1:r0:1 is refused: has 200 names"]


def test_nothing_is_kept_alive_for_an_agent_that_is_stuck():
    writer, moving = Writer(), [False]
    running = HostSession(writer, 0.1, lambda: moving[-1])
    wait_for(lambda: "stuck" in running.trouble)
    running.publish([ONE])
    assert (writer.refreshed, writer.written) == (0, [])
    moving.append(True)
    wait_for(lambda: running.trouble == "")
    assert writer.refreshed >= 1
    assert writer.written[-1] == [ONE.id]
    running.close()


# -- auto ----------------------------------------------------------------------------------------


class Answering(Store):
    def __init__(self, answer):
        self.answer, self.closed, self.checked = answer, False, []

    def listing(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def check(self, host):
        self.checked.append(host)

    def withdraw(self, host):
        self.checked.append(host)

    def writer(self, host, ttl):
        self.made = Writer()
        return self.made

    def close(self):
        self.closed = True


NO = NotEtcd("404 page not found", 12)


def test_auto_takes_the_first_that_answers():
    three, two = Answering(NO), Answering(listing(1, "x"))
    registry = EtcdRegistry(AutoStore([three, two]), LAYOUT)
    assert set(registry.read().instances) == {"x"}
    registry.check(HOST)
    registry.withdraw("h1")
    assert two.checked == [HOST, "h1"]
    running = registry.session(HOST)
    running.publish([ONE])
    wait_for(lambda: running.trouble == "")
    registry.close()
    assert three.closed and two.closed


def test_auto_takes_silence_for_no_answer():
    silent, two = Answering(GONE), Answering(listing(1))
    auto = AutoStore([silent, two])
    with pytest.raises(RegistryUnreachable):
        auto.listing()
    silent.answer = listing(1, "x")
    assert auto.listing() == listing(1, "x")


def test_auto_does_not_stay_with_what_is_worse():
    three, two, now = Answering(NO), Answering(listing(1)), [0.0]
    auto = AutoStore([three, two], lambda: now[0])
    writer = auto.writer(HOST, 15)
    writer.refresh()
    assert two.made.refreshed == 1
    three.answer = listing(1, "x")
    assert auto.listing() == listing(1)
    now[0] += AGAIN
    writer.refresh()
    assert three.made.refreshed == 1
    assert auto.listing() == listing(1, "x")


def test_auto_says_what_the_first_said_when_none_answers():
    with pytest.raises(RegistryError, match="404"):
        AutoStore([Answering(NO), Answering(RegistryError("other"))]).check(HOST)


def test_waits_grow_up_to_the_cap_and_begin_anew():
    backoff = Backoff(1, 4)
    waits = [backoff.next() for _ in range(5)]
    assert all(cap / 2 <= wait <= cap for wait, cap in zip(waits, (1, 2, 4, 4, 4), strict=True))
    backoff.reset()
    assert backoff.next() <= 1
