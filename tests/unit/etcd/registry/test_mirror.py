"""The mirror over stores that do as they are told."""

import itertools

import pytest
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.position import Witness
from arpanet_etcd.client.wire import Compacted, EtcdError
from arpanet_etcd.registry import mirror as mirror_module
from arpanet_etcd.registry.memory import Memory
from arpanet_etcd.registry.mirror import Mirror
from arpanet_etcd.registry.store import Listing, Quiet, WentBack

from tests.conftest import wait_for
from tests.unit.etcd.registry.stores import GONE, LAYOUT, Store, at, gone, listing, names, put, says


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


@pytest.mark.parametrize("end", [EtcdError("no leader", 14), GONE, ValueError("a bug")])
def test_a_watch_that_breaks_is_made_anew_where_it_was_without_a_list(follow, end):
    store = Store([listing(5, "x")], [[(5, []), end], [(9, [put("y", 5)])]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: store.cursors == [5, 5] and mirror.trouble == "" and len(heard) == 2)
    assert heard == [["x"], ["x", "y"]]


@pytest.mark.parametrize("end", [Compacted(9), WentBack(at(5))])
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


def test_a_store_that_was_put_back_is_not_believed_though_it_got_as_far_meanwhile(follow):
    """What its host says there may be older than what is known of it."""
    older = listing(9, "y", number=2)
    store = Store([listing(5, "x"), older], [[(5, []), WentBack(at(5))], [(9, [])]])
    heard = []
    mirror = follow(store, heard)
    wait_for(lambda: store.cursors == [5, 9] and mirror.trouble == "")
    assert heard == [["x"], ["x?", "y?"]]


def test_what_is_known_stays_while_nobody_answers(follow):
    watches = itertools.chain([[(5, []), GONE]], itertools.repeat([GONE]))
    heard = []
    mirror = follow(Store([listing(5, "x")], watches), heard)
    wait_for(lambda: mirror.trouble == "no master answers")
    assert heard == [["x"]]


def test_what_is_known_is_unconfirmed_while_nobody_answers_for_long(follow, monkeypatch):
    """Whatever stops meanwhile, nobody hears of it: links must look for themselves."""
    monkeypatch.setattr(mirror_module, "DOUBT", 0.02)
    heard = []

    def silence():
        wait_for(lambda: heard[-1:] == [["x?"]])
        yield (5, [])
        yield (6, [put("y", 5)])

    watches = iter([[(5, []), GONE], silence()])
    store = Store([listing(5, "x")], watches)
    mirror = follow(store, heard)
    wait_for(lambda: len(heard) == 4)
    assert heard == [["x"], ["x?"], ["x"], ["x", "y"]]
    assert mirror.trouble == ""


def test_a_short_silence_is_none(follow):
    watches = itertools.chain([[(5, []), GONE]] * 3, [[(5, []), (6, [put("y", 5)])]])
    heard = []
    follow(Store([listing(5, "x")], watches), heard)
    wait_for(lambda: len(heard) == 2)
    assert heard == [["x"], ["x", "y"]]


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


def test_hosts_that_began_together_do_not_list_together(follow):
    """1,000 followers of one moment spread over a quarter of an hour."""
    heard = []
    followers = [follow(Store([listing(5, "x")], [[(5, []), Quiet()]]), heard) for _ in range(20)]
    wait_for(lambda: len(heard) == 20)
    times = [wait_for(lambda one=one: one._relist_at) for one in followers]
    assert max(times) - min(times) > mirror_module.RELIST / 10


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
    mirror = follow(store, heard, Memory(path))
    wait_for(lambda: heard == [["x?", "y?"]])
    mirror.close()
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


def test_a_store_that_was_put_back_while_nobody_followed_is_not_believed(follow, tmp_path):
    """Its host's number is another one, and still no word of it: it is of an earlier day."""
    path, witness = tmp_path / "state.json", Witness(LAYOUT.host("h1"), "says \u00e9", 4)
    seen = Listing(listing(5, "x").texts, at(5, witness=witness))
    mirror = follow(Store([seen], [[]]), [], Memory(path, 0.01))
    wait_for(path.exists)
    mirror.close()
    kept = path.read_text()
    for history, told in (([at(5, witness=witness)], ["y"]), ([], ["x?", "y?"])):
        path.write_text(kept)
        store, heard = Store([listing(9, "y", number=2)], [[(9, [])]]), []
        store.history = history
        mirror = follow(store, heard, Memory(path, 60))
        wait_for(lambda mirror=mirror: mirror.trouble == "")
        assert heard == [told]
        mirror.close()


def test_what_was_kept_by_a_former_version_is_read(tmp_path):
    (tmp_path / "state.json").write_text('{"position": ["7", 2, 5], "listed": {}, "entries": []}')
    memory = Memory(tmp_path / "state.json")
    assert memory.load().position == at(5)
    memory.close()


def test_after_another_store_a_list_is_made_once_masters_have_put_back_whom_they_let_in(
    follow, monkeypatch
):
    monkeypatch.setattr(mirror_module, "SETTLED", 0.01)
    watches = [[(5, []), WentBack(at(5))], itertools.repeat((9, [])), [(10, [])]]
    store = Store([listing(5, "x"), listing(9, "x"), listing(10, "x")], watches)
    mirror = follow(store, [])
    wait_for(lambda: store.cursors[-1] == 10 and mirror.trouble == "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"position": 1}', "[" * 100_000])
def test_what_was_kept_and_makes_no_sense_is_told_and_forgotten(tmp_path, text):
    path = tmp_path / "state.json"
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
