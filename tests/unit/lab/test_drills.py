"""What drills cost, and whether that is more than was promised."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from arpanet_lab.drills import runner
from arpanet_lab.drills.catalogue import DRILLS, chosen, ordered
from arpanet_lab.drills.drill import NEVER, Drill, Outcome, Promise, breaches
from arpanet_lab.drills.rules import judged
from arpanet_lab.drills.runner import COLUMNS, KEPT, row
from arpanet_lab.load.load import Figures

from arpanet.errors import UsageError

BEGAN = 1000.0
APART = Promise(apart=frozenset({"host1"}), found=25.0, avoided=NEVER)


def figures(failed=(), broken=()) -> Figures:
    """Of a client that dialled a hundred times and held four connections."""
    lost = [(BEGAN + when, took, "timed out") for when, took in failed]
    ended = [(BEGAN + when, "reset", where) for when, where in broken]
    return Figures(100, {"host2": 100 - len(lost)}, lost, 4, ended, 0.1)


def outcome(promise=Promise(), client=None, mover=None, stops=(), by_hand=(), lost=()) -> Outcome:  # noqa: B008
    drill = Drill("d", "an accident", 1, 2, lambda _: nullcontext(), promise)
    clients = {("host3", "link"): client or figures(), ("host1", "label"): figures()}
    at = [BEGAN + stop for stop in stops]
    return Outcome(drill, BEGAN, clients, mover or figures(), at, 2.5, by_hand, lost)


def test_nothing_lost_is_a_promise_kept():
    found = outcome()
    assert breaches(found) == []
    assert dict(zip(COLUMNS, row(found), strict=True)) == {
        "drill": "d",
        "new": 200,
        "failed": 0,
        "outage": "0.0 s",
        "held": 8,
        "broken": 0,
        "avoided": "0.0 s",
        "healed": "2.5 s",
        "lost": 0,
        "by hand": 0,
        "promise": KEPT,
    }


@pytest.mark.parametrize("lost", [{"failed": [(1, 0.0)]}, {"broken": [(1, "host2")]}])
def test_one_connection_is_one_too_many(lost):
    (words,) = breaches(outcome(client=figures(**lost)))
    assert words.startswith("link on host3: ")
    assert row(outcome(client=figures(**lost)))[-1] == words


def test_the_outage_goes_on_until_the_last_failed_dial_ended():
    found = outcome(client=figures(failed=[(1, 5.0), (2, 0.1)]))
    assert found.outage == pytest.approx(5.0)
    assert found.failed == 2


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        ({"failed": [(7, 5.0), (31.9, 5.0)]}, True),  # nobody could know yet
        ({"failed": [(7, 5.0), (32.1, 0.0)]}, False),
        ({"broken": [(9, "host1")]}, True),  # between host3 and a host that was cut off
        ({"broken": [(9, "host2")]}, False),
    ],
)
def test_what_crosses_a_cut_may_break(lost, kept):
    assert (breaches(outcome(APART, client=figures(**lost))) == []) is kept


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        ({"failed": [(1, 5.0), (9, 5.0)]}, True),
        ({"failed": [(1, 5.0), (5, 5.0), (9, 5.0)]}, False),
        ({"broken": [(9, "host2")]}, False),
    ],
)
def test_a_share_of_new_connections_may_fail(lost, kept):
    assert (breaches(outcome(Promise(share=0.02), client=figures(**lost))) == []) is kept


@pytest.mark.parametrize(
    ("failed", "avoided"),
    [
        ([], 0.0),
        ([(4.9, 0.0), (5.4, 0.0)], 0.4),  # Docker noted the stop late
        ([(5.1, 0.0), (9.0, 0.0)], 4.0),
        ([(20.3, 0.0)], 0.3),  # it is the second stop that counts
        ([(2.0, 0.0)], 2.0),  # before any: since the accident
    ],
)
def test_what_stopped_is_avoided_within_a_second(failed, avoided):
    found = outcome(mover=figures(failed=failed), stops=(5.0, 20.0))
    assert found.avoided == pytest.approx(avoided)
    assert (breaches(found) == []) is (avoided <= 1)
    assert (breaches(found, patience=4) == []) is (avoided <= 4)
    deaf = outcome(Promise(avoided=NEVER), mover=figures(failed=failed), stops=(5.0, 20.0))
    assert breaches(deaf) == []


def test_what_had_to_be_done_by_hand_is_told():
    assert breaches(outcome(by_hand=["slave start"])) == ["by hand: slave start"]


def test_what_is_registered_no_more_is_told():
    found = outcome(lost=["h1:redis:6379"])
    assert breaches(found) == ["h1:redis:6379 is registered no more"]


def test_rules_that_hold_on_a_cluster_that_is_well():
    ids = ("h1:redis:6379", "h2:redis:6379", "h1:arpanet_etcd:4001", "h1:dns:53:udp")
    services = [{"instance": one} for one in ids]
    fine = {"client": "web", "dials": "redis:6379", "plane": "socket", "error": ""}
    assert judged("h1", ["redis", "dns"], services, [fine]) == []
    bad = {**fine, "plane": "", "error": "service redis has no instance"}
    assert judged("h1", ["web", "dns"], services, [bad]) == [
        "h1: web runs, and is not registered",
        "h1: redis is registered, and does not run",
        "h1: no plane carries redis:6379 of web: service redis has no instance",
    ]
    assert row(outcome(), ["h1: web runs, and is not registered"])[-1].startswith("h1: web runs")


def test_a_seed_is_an_order():
    three = DRILLS[:3]
    assert ordered(three, 2) == [*three, *three]
    again = [ordered(three, 3, seed=7) for _ in range(2)]
    assert again[0] == again[1] != ordered(three, 3)
    assert sorted(one.name for one in again[0]) == sorted(one.name for one in [*three] * 3)
    with pytest.raises(UsageError, match="--repeat 0: nothing is held"):
        ordered(three, 0)


def test_drills_by_name():
    assert chosen([]) == list(DRILLS)
    assert [drill.name for drill in chosen(["wiped", "disk-full"])] == ["wiped", "disk-full"]
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)
    with pytest.raises(UsageError, match="no drill flood"):
        chosen(["flood"])


def test_where_nothing_stops_nothing_is_to_be_avoided():
    assert {drill.promise.avoided for drill in DRILLS if not drill.moves} == {NEVER}


def test_one_game_day_at_a_time(monkeypatch):
    """Nothing is done to a lab that runs: somebody may hold drills on it just now."""
    touched = []
    running = SimpleNamespace(
        running=True, down=lambda: touched.append("down"), up=lambda *a, **b: touched.append("up")
    )
    monkeypatch.setattr(runner, "Lab", lambda *_, **__: running)
    with (
        pytest.raises(UsageError, match="lab gameday is up: one game day at a time"),
        runner.cluster(full=False),
    ):
        pytest.fail("it began")
    assert touched == []
