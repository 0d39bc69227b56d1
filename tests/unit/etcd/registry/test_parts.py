"""Mirror, session, auto and backoff over stores that do as they are told."""

import itertools
import threading

import pytest
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.watch import Quiet
from arpanet_etcd.client.wire import Compacted, EtcdError
from arpanet_etcd.registry import mirror as mirror_module
from arpanet_etcd.registry.auto import AutoStore
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.mirror import Mirror
from arpanet_etcd.registry.registry import EtcdRegistry
from arpanet_etcd.registry.session import HostSession

from arpanet.errors import RegistryError, RegistryUnreachable
from arpanet.records import Host, Instance
from tests.conftest import wait_for

LAYOUT = Layout("/a")
HOST = Host("h1", "10.0.0.1", "engine")
ONE = Instance("h1:r0:1", ("redis",), "h1", "10.0.0.1", 1000)
LEAF = "/a/services/web/{}"


class Changes:
    def __init__(self, steps):
        self.steps, self.closed = steps, threading.Event()

    def __iter__(self):
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield step
        self.closed.wait(10)

    def close(self):
        self.closed.set()


class Store:
    """Lists and watches go as *listings* and *watches* say, one after the other."""

    def __init__(self, listings, watches):
        self.listings, self.watches = iter(listings), iter(watches)
        self.cursors = []

    def listing(self):
        found = next(self.listings)
        if isinstance(found, Exception):
            raise found
        return found

    def changes(self, cursor):
        self.cursors.append(cursor)
        return Changes(next(self.watches))


@pytest.fixture
def follow(monkeypatch):
    monkeypatch.setattr(mirror_module, "Backoff", lambda: Backoff(0.001, 0.01))
    mirrors = []

    def start(store, heard):
        mirrors.append(Mirror(store, LAYOUT, lambda found: heard.append(sorted(found.instances))))
        return mirrors[-1]

    yield start
    for one in mirrors:
        one.close()


def leaves(*ids):
    return {LEAF.format(one): "10.0.0.1:1" for one in ids}


def put(one):
    return (LEAF.format(one), "10.0.0.1:1")


def test_all_changes_of_one_answer_are_one_notice(follow):
    heard = []
    steps = [(5, []), (7, [put("y"), put("z"), (LEAF.format("x"), None)]), (8, [put("y")]), (9, [])]
    follow(Store([(leaves("x"), 5)], [steps]), heard)
    wait_for(lambda: len(heard) == 2)
    assert heard == [["x"], ["y", "z"]]


def test_a_quiet_watch_goes_on_where_it_was_without_a_list(follow):
    store = Store([({}, 5)], [[(5, []), (7, [put("x")]), Quiet()], [(7, []), Quiet()], [(7, [])]])
    heard = []
    follow(store, heard)
    wait_for(lambda: len(store.cursors) == 3)
    assert store.cursors == [5, 7, 7]
    assert heard == [[], ["x"]]


@pytest.mark.parametrize("end", [Compacted(9), EtcdError("no leader", 14), ValueError("a bug")])
def test_a_watch_that_ends_is_made_anew_from_a_list(follow, end):
    store = Store([(leaves("x"), 5), (leaves("y"), 9)], [[(5, []), end], [(9, [])]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: store.cursors == [5, 9] and mirror.trouble == "")
    assert heard == [["x"], ["y"]]


def test_what_is_known_stays_while_nobody_answers(follow):
    gone = RegistryUnreachable("no master answers")
    store = Store(itertools.chain([(leaves("x"), 5)], itertools.repeat(gone)), [[(5, []), gone]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: mirror.trouble == "no master answers")
    assert heard == [["x"]]


def test_trouble_until_the_first_watch_stands(follow):
    gone = RegistryUnreachable("no master answers")
    mirror = follow(Store(itertools.repeat(gone), []), [])
    assert mirror.trouble
    mirror = follow(Store([gone, ({}, 1)], [[(1, [])]]), [])
    wait_for(lambda: mirror.trouble == "")


def test_a_list_is_made_now_and_then_although_no_watch_failed(follow, monkeypatch):
    monkeypatch.setattr(mirror_module, "RELIST", 0.05)
    quiet = ([(5, []), Quiet()] for _ in itertools.count())
    heard = []
    follow(Store([(leaves("x"), 5), (leaves("y"), 5)], quiet), heard)
    wait_for(lambda: heard == [["x"], ["y"]])


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


def test_refused_ids_are_named(session):
    writer = Writer()
    writer.refused = {ONE.id: "h2"}
    running = session(writer)
    running.publish([ONE])
    wait_for(lambda: "h1:r0:1 belongs to host h2" in running.trouble)


# -- auto ----------------------------------------------------------------------------------------


class Answering(Store):
    def __init__(self, answer):
        self.answer, self.closed, self.checked = answer, False, []

    def listing(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer, 1

    def check(self, host):
        self.checked.append(host)

    def withdraw(self, host):
        self.checked.append(host)

    def writer(self, host, ttl):
        return Writer()

    def close(self):
        self.closed = True


NO = RegistryError("404 page not found")


def test_auto_takes_the_first_that_answers():
    three, two = Answering(NO), Answering(leaves("x"))
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
    silent, two = Answering(RegistryUnreachable("nobody")), Answering({})
    auto = AutoStore([silent, two])
    with pytest.raises(RegistryUnreachable):
        auto.listing()
    silent.answer = leaves("x")
    assert set(auto.listing()[0]) == set(leaves("x"))


def test_auto_says_what_the_first_said_when_none_answers():
    with pytest.raises(RegistryError, match="404"):
        AutoStore([Answering(NO), Answering(RegistryError("other"))]).check(HOST)


def test_waits_grow_up_to_the_cap_and_begin_anew():
    backoff = Backoff(1, 4)
    waits = [backoff.next() for _ in range(5)]
    assert all(cap / 2 <= wait <= cap for wait, cap in zip(waits, (1, 2, 4, 4, 4), strict=True))
    backoff.reset()
    assert backoff.next() <= 1
