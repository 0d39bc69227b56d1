"""Instances are dialled while a link uses them."""

import pytest
from arpanet_ambassador.flows import prober
from arpanet_ambassador.flows.prober import (
    MISSES,
    PATIENCE,
    SECOND,
    Prober,
    dialling,
    judged,
    pause,
)

from arpanet.records import Host, Instance, Snapshot
from tests.conftest import wait_for

ONE, TWO = ("10.0.0.1", 1), ("10.0.0.2", 1)


def test_misses_in_a_row():
    assert judged({ONE: 3}, {ONE: True, TWO: False}) == {ONE: 0, TWO: 1}
    assert judged({TWO: 1}, {TWO: False}) == {TWO: 2}
    assert judged({ONE: 1}, {}) == {}


@pytest.mark.parametrize(
    ("count", "silent", "hosts", "least"),
    [
        (1, False, 1, 1.0),
        (1, True, 1, 2.0),
        (1000, False, 1, 5.0),
        (1, False, 500, 1.0),
        (1, False, 5000, 10.0),
    ],
)
def test_at_most_one_dial_a_second_and_fewer_where_there_are_many(count, silent, hosts, least):
    assert pause(count, silent, 0.0, hosts) == least
    assert least < pause(count, silent, 1.0, hosts) <= 1.2 * least


def test_out_within_three_seconds():
    assert pause(1, False, 1.0) + MISSES * PATIENCE + SECOND < 3.0


def test_hosts_that_vanished_with_a_store_are_dialling_too():
    lost = [Instance(f"h{n}:x:1", ("x",), f"h{n}", "10.0.0.1", n, unconfirmed=True) for n in (1, 2)]
    hosts = {"h2": Host("h2", "10.0.0.2"), "h3": Host("h3", "10.0.0.3")}
    sure = Instance("h4:x:1", ("x",), "h4", "10.0.0.1", 1)
    snapshot = Snapshot({one.id: one for one in (*lost, sure)}, hosts)
    assert dialling(snapshot, 4) == 3
    assert dialling(snapshot, 2) == 2  # none is missing: not looked for
    assert dialling(Snapshot({}, {}), 4) == 0


class Net:
    """What answers, and what was dialled in which order."""

    def __init__(self, *up):
        self.up, self.asked, self.told, self.living = set(up), [], [], frozenset()
        self.prober = Prober(self.tell, lambda wanted: self.living, self.dial)

    def tell(self):
        self.told.append(self.prober.silent)

    def dial(self, ones):
        self.asked += ones
        return [(one, one in self.up) for one in ones]

    def rounds(self, count=1, confirmed=(), doubtful=()):
        """Have so many rounds, without a thread."""
        self.prober._started = True
        self.prober.want(frozenset(confirmed), frozenset(doubtful))
        for _ in range(count):
            self.prober.round(frozenset({*confirmed, *doubtful}))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(prober, "SECOND", 0.0)


@pytest.mark.parametrize("kind", ["confirmed", "doubtful"])
def test_out_after_two_misses_and_back_after_one_answer(kind):
    net = Net(ONE, TWO)
    net.rounds(**{kind: [ONE, TWO]})
    assert net.told == [] and net.asked == [ONE, TWO]
    net.up.discard(TWO)
    net.rounds(**{kind: [ONE, TWO]})
    assert net.told == [{TWO}]
    assert net.asked == [ONE, TWO, ONE, TWO, TWO], "the second time at once"
    net.rounds(**{kind: [ONE, TWO]})
    assert net.asked[5:] == [ONE, TWO], "what is known to be silent is dialled once, as others are"
    net.up.add(TWO)
    net.rounds(**{kind: [ONE, TWO]})
    assert net.told == [{TWO}, frozenset()]


def test_one_miss_is_none():
    net = Net(ONE)
    net.rounds(confirmed=[ONE])
    answers = iter([False, True])
    net.prober._dial = lambda ones: [(one, next(answers)) for one in ones]
    net.rounds(confirmed=[ONE])
    assert net.told == []


def test_who_never_answered_here_may_be_for_others_to_reach():
    net = Net()
    net.rounds(3, confirmed=[ONE], doubtful=[TWO])
    assert net.told == [{TWO}]
    net.rounds(3, doubtful=[ONE])  # the registry lost it: it counts
    assert net.told[-1] == {ONE}


def test_what_connections_prove_is_not_dialled():
    net = Net(ONE)
    net.living = frozenset({TWO})
    net.rounds(3, confirmed=[ONE, TWO])
    assert net.asked == [ONE] * 3 and net.told == []
    net.living = frozenset()
    net.rounds(1, confirmed=[ONE, TWO])
    assert net.told == [{TWO}], "they had proved that it can be reached from here"


def test_only_what_is_wanted_is_dialled():
    asked = []

    def dial(ones):
        asked.append(list(ones))
        return [(one, True) for one in ones]

    nobody: frozenset[tuple[str, int]] = frozenset()
    found = Prober(lambda: None, dial=dial)
    found.want(frozenset({ONE}), nobody)
    wait_for(lambda: asked)
    found.want(nobody, frozenset({TWO}))
    wait_for(lambda: [TWO] in asked)
    found.want(nobody, nobody)
    count = len(asked)
    found.want(frozenset({ONE}), nobody)
    wait_for(lambda: len(asked) > count)
    assert all(len(ones) == 1 for ones in asked)
