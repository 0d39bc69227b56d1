"""Mirror, session, auto and backoff over stores that do as they are told."""

import itertools
import threading
from dataclasses import replace

import pytest
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import Compacted, EtcdError, NotEtcd
from arpanet_etcd.registry import mirror as mirror_module
from arpanet_etcd.registry.auto import AGAIN, AutoStore
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.memory import Memory
from arpanet_etcd.registry.mirror import Mirror
from arpanet_etcd.registry.registry import EtcdRegistry
from arpanet_etcd.registry.session import HostSession
from arpanet_etcd.registry.store import Listing, Quiet, Step, WentBack

from arpanet import codec
from arpanet.errors import RegistryError, RegistryUnreachable
from arpanet.records import Host, Instance
from tests.conftest import wait_for

LAYOUT = Layout("/a")
HOST = Host("h1", "10.0.0.1", "engine", listed=3)
ONE = Instance("h1:r0:1", ("redis",), "h1", "10.0.0.1", 1000)


def at(revision, cluster="7", term=2):
    return Position(cluster, term, revision)


def put(name, port=1):
    one = Instance(name, ("web",), "h1", "10.0.0.1", port)
    return (LAYOUT.record("h1", name), codec.encode(one))


def gone(name):
    return (LAYOUT.record("h1", name), None)


def says(number):
    return (LAYOUT.host("h1"), codec.encode(replace(HOST, listed=number)))


def listing(revision, *names, number=3, **history):
    texts = [put(name, 1 + index) for index, name in enumerate(names)]
    return Listing(dict([says(number), *texts]), at(revision, **history))


class Changes:
    def __init__(self, steps):
        self.steps, self.closed = steps, threading.Event()

    def __iter__(self):
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield Step(at(step[0]), step[1])
        self.closed.wait(10)

    def close(self):
        self.closed.set()


class Store:
    """Lists and watches go as *listings* and *watches* say, one after the other."""

    def __init__(self, listings, watches):
        self.listings, self.watches = iter(listings), iter(watches)
        self.cursors, self.expected = [], []

    def expect(self, cluster):
        self.expected.append(cluster)

    def listing(self):
        found = next(self.listings)
        if isinstance(found, Exception):
            raise found
        return found

    def changes(self, position):
        self.cursors.append(position.revision)
        return Changes(next(self.watches))


def names(snapshot):
    return sorted(f"{key}?" if one.unconfirmed else key for key, one in snapshot.instances.items())


@pytest.fixture
def follow(monkeypatch):
    monkeypatch.setattr(mirror_module, "Backoff", lambda: Backoff(0.001, 0.01))
    monkeypatch.setattr(mirror_module, "SPREAD", 0.001)
    mirrors = []

    def start(store, heard, memory=None):
        def notify(found):
            heard.append(names(found))

        mirrors.append(Mirror(store, LAYOUT, notify, memory))
        return mirrors[-1]

    yield start
    for one in mirrors:
        one.close()


def test_all_changes_of_one_answer_are_one_notice(follow):
    heard = []
    steps = [(5, []), (7, [put("y", 8), put("z", 9), gone("x"), says(4)]), (8, [put("y", 8)])]
    follow(Store([listing(5, "x")], [steps]), heard)
    wait_for(lambda: len(heard) == 2)
    assert heard == [["x"], ["y", "z"]]


def test_a_quiet_watch_goes_on_where_it_was_without_a_list(follow):
    watches = [[(5, []), (7, [put("x")]), Quiet()], [(7, []), Quiet()], [(7, [])]]
    store = Store([listing(5)], watches)
    heard = []
    follow(store, heard)
    wait_for(lambda: len(store.cursors) == 3)
    assert store.cursors == [5, 7, 7]
    assert heard == [[], ["x"]]


GONE = RegistryUnreachable("no master answers")


@pytest.mark.parametrize("end", [EtcdError("no leader", 14), GONE, ValueError("a bug")])
def test_a_watch_that_breaks_is_made_anew_where_it_was_without_a_list(follow, end):
    store = Store([listing(5, "x")], [[(5, []), end], [(9, [put("y", 5)])]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: store.cursors == [5, 5] and mirror.trouble == "" and len(heard) == 2)
    assert heard == [["x"], ["x", "y"]]


@pytest.mark.parametrize("end", [Compacted(9), WentBack(at(5), at(4))])
def test_a_watch_that_can_not_go_on_is_made_anew_from_a_list(follow, end):
    store = Store([listing(5, "x"), listing(9, "y", number=4)], [[(5, []), end], [(9, [])]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: store.cursors == [5, 9] and mirror.trouble == "")
    assert heard == [["x"], ["y"]]


@pytest.mark.parametrize(
    "other", [{"cluster": "8"}, {"term": 1}, {"revision": 4}], ids=["cluster", "term", "revision"]
)
def test_in_another_history_what_was_known_stays(follow, other):
    anew = listing(**{"revision": 9, "number": 2, **other})
    watches = [[(5, []), Compacted(1)], [(9, [put("y", 7), says(9)])]]
    heard = []
    follow(Store([listing(5, "x"), anew], watches), heard)
    wait_for(lambda: len(heard) == 3)
    assert heard == [["x"], ["x?"], ["y"]]


def test_what_is_known_stays_while_nobody_answers(follow):
    watches = itertools.chain([[(5, []), GONE]], itertools.repeat([GONE]))
    heard = []
    mirror = follow(Store([listing(5, "x")], watches), heard)
    wait_for(lambda: mirror.trouble == "no master answers")
    assert heard == [["x"]]


def test_trouble_until_the_first_watch_stands(follow):
    mirror = follow(Store(itertools.repeat(GONE), []), [])
    assert mirror.trouble
    mirror = follow(Store([GONE, listing(1)], [[(1, [])]]), [])
    wait_for(lambda: mirror.trouble == "")


@pytest.mark.parametrize("busy", [False, True])
def test_a_list_is_made_now_and_then_although_no_watch_failed(follow, monkeypatch, busy):
    monkeypatch.setattr(mirror_module, "RELIST", 0.05)

    def steps():
        while True:
            yield (5, [])

    watches = itertools.repeat(steps() if busy else [(5, []), Quiet()])
    heard = []
    later = itertools.repeat(listing(5, "y", number=4))
    follow(Store(itertools.chain([listing(5, "x")], later), watches), heard)
    wait_for(lambda: heard == [["x"], ["y"]])


def test_a_notice_that_failed_is_given_again(monkeypatch):
    monkeypatch.setattr(mirror_module, "Backoff", lambda: Backoff(0.001, 0.01))
    heard = []

    def notify(found):
        heard.append(names(found))
        if len(heard) in (1, 3):
            raise ValueError("a bug")

    watches = itertools.chain([[(6, [put("y", 5)])]], itertools.repeat([(6, [])]))
    mirror = Mirror(Store([listing(5, "x")], watches), LAYOUT, notify)
    wait_for(lambda: len(heard) == 4 and mirror.trouble == "")
    assert heard == [["x"], ["x"], ["x", "y"], ["x", "y"]]
    mirror.close()


def test_a_follower_that_begins_anew_begins_with_what_it_knew(follow, tmp_path):
    path, heard = tmp_path / "deep" / "state.json", []
    mirror = follow(Store([listing(5, "x", "y")], [[(6, [])]]), heard, Memory(path, 0.01))
    wait_for(path.exists)
    mirror.close()
    # nobody answers
    store, heard = Store(itertools.repeat(GONE), []), []
    follow(store, heard, Memory(path)).close()
    assert heard == [["x?", "y?"]]
    assert store.expected == ["7"]
    # the same store: what its living host lists no more, and says so, is gone
    heard = []
    store = Store([listing(9, "y", number=4)], [[(9, [])]])
    mirror = follow(store, heard, Memory(path, 60))
    wait_for(lambda: mirror.trouble == "")
    assert heard == [["y"]]
    mirror.close()
    # wiped, and formed anew
    heard = []
    follow(Store([Listing({}, at(1, cluster="9"))], [[(1, [])]]), heard, Memory(path))
    wait_for(lambda: heard == [["y?"]])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"position": 1}', "[" * 100_000])
def test_what_was_kept_and_makes_no_sense_is_told_and_forgotten(follow, tmp_path, text):
    path, heard = tmp_path / "state.json", []
    path.write_text(text)
    memory = Memory(path)
    assert memory.load() is None
    assert "can't be read" in memory.trouble
    memory.close()


def test_a_place_that_can_not_be_written_is_told_and_does_no_harm(follow, tmp_path):
    (tmp_path / "file").write_text("")
    heard, memory = [], Memory(tmp_path / "file" / "state.json", 0.01)
    follow(Store([listing(5, "x")], [[(5, [])]]), heard, memory)
    wait_for(lambda: "can't be kept" in memory.trouble)
    assert heard == [["x"]]


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
    assert caplog.messages == ["instance h1:r0:1 is refused: has 200 names"]


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
