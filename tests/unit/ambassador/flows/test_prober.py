"""Instances are dialled while a link uses them."""

from threading import Event

import pytest
from arpanet_ambassador.flows import prober
from arpanet_ambassador.flows.living import Signs
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
from tests.support.stand_in import stand_in

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
        self.up, self.asked, self.told, self.signs = set(up), [], [], Signs()
        self.prober = Prober(self.tell, lambda wanted: self.signs, self.dial)

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
    net.signs = Signs({TWO: 0.1})
    net.rounds(3, confirmed=[ONE, TWO])
    assert net.asked == [ONE] * 3 and net.told == []
    net.signs = Signs()
    net.rounds(1, confirmed=[ONE, TWO])
    assert net.told == [{TWO}], "they had proved that it can be reached from here"


def test_what_is_silent_is_dialled_though_some_are_served():
    """Its port is shut, and whoever was connected goes on."""
    net = Net(ONE)
    net.rounds(confirmed=[ONE])
    net.up.clear()
    net.rounds(confirmed=[ONE])
    net.signs = Signs({ONE: 0.1})
    net.rounds(2, confirmed=[ONE])
    assert net.told == [{ONE}]
    net.up.add(ONE)
    net.rounds(confirmed=[ONE])
    assert net.told == [{ONE}, frozenset()]


# -- what refuses somebody -------------------------------------------------------------------------


class Resting(Net):
    """Has had one round, and waits for the next for good; *looked* is what was dialled since."""

    def __init__(self, monkeypatch, *up, confirmed=(), doubtful=()):
        super().__init__(*up)
        self.looked, rests, look = [], Event(), self.prober.look

        def looking(ones):
            look(ones)
            self.looked.append(ones)

        monkeypatch.setattr(prober, "pause", lambda *_: rests.set() or 3600.0)
        monkeypatch.setattr(self.prober, "look", looking)
        self.prober.want(frozenset(confirmed), frozenset(doubtful))
        assert rests.wait(20)

    def refused(self, *ones):
        """Have these tell of a refusal, and wait until they were looked at."""
        count = len(self.looked)
        self.prober.refused(ones)
        wait_for(lambda: len(self.looked) > count)


@pytest.mark.parametrize("kind", ["confirmed", "doubtful"])
def test_a_refusal_and_one_dial_that_fails_are_two_failures(monkeypatch, kind):
    net = Resting(monkeypatch, ONE, TWO, **{kind: [ONE, TWO]})
    net.up.discard(TWO)
    net.refused(TWO)
    assert net.asked == [ONE, TWO, TWO] and net.told == [{TWO}]


def test_a_refusal_and_one_dial_that_succeeds_are_none(monkeypatch):
    net = Resting(monkeypatch, ONE, confirmed=[ONE])
    net.refused(ONE)
    assert net.asked == [ONE, ONE] and net.told == []


def test_it_is_dialled_once_between_two_rounds_however_often_it_refuses(monkeypatch):
    net = Resting(monkeypatch, ONE, TWO, confirmed=[ONE, TWO])
    net.refused(ONE)
    net.prober.refused([ONE])
    net.refused(TWO)
    assert net.looked == [{ONE}, {TWO}]
    net.prober._refusals = frozenset()  # as a round leaves it
    net.refused(ONE)
    assert net.looked == [{ONE}, {TWO}, {ONE}]


def test_of_many_that_refuse_only_so_many_are_dialled(monkeypatch):
    many = [("10.0.0.1", port) for port in range(1, 301)]
    net = Resting(monkeypatch, *many, doubtful=many)
    net.refused(*many)
    net.prober.refused(many)
    assert [len(ones) for ones in net.looked] == [200]


def test_what_is_silent_unproven_or_not_wanted_is_not_dialled_for_a_refusal(monkeypatch):
    silent, unproven, other = TWO, ("10.0.0.3", 1), ("10.0.0.4", 1)
    net = Resting(monkeypatch, ONE, confirmed=[ONE, unproven], doubtful=[silent])
    assert net.told == [{silent}]
    net.prober.refused([silent])
    net.prober.refused([unproven])
    net.prober.refused([other])
    net.refused(ONE)
    assert net.looked == [{ONE}]


def test_what_is_wanted_anew_is_dialled_after_refusals_too(monkeypatch):
    net = Resting(monkeypatch, ONE, TWO, confirmed=[ONE])
    net.refused(ONE)
    net.prober.want(frozenset({ONE, TWO}), frozenset())
    wait_for(lambda: net.asked == [ONE, ONE, ONE, TWO])


def test_a_look_that_fails_is_told_and_rounds_go_on(monkeypatch, caplog):
    net = Resting(monkeypatch, ONE, TWO, confirmed=[ONE])

    def fails(ones):
        raise OSError("too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(net.prober, "look", fails)
        net.prober.refused([ONE])
        wait_for(lambda: "too many open files" in caplog.text)
    net.prober.want(frozenset({TWO}), frozenset())
    wait_for(lambda: net.asked == [ONE, TWO])


@pytest.fixture
def clock(monkeypatch):
    """Stands still, but for a test that moves it."""
    now = [1000.0]
    stand_in(monkeypatch, prober, "time", monotonic=lambda: now[0])
    return now


def test_two_connections_that_hang_need_no_dial(clock):
    net = Net(ONE, TWO)
    net.rounds(confirmed=[ONE, TWO])
    clock[0] += 10
    net.signs, net.asked = Signs({}, {TWO: (1.5, 1.0)}), []
    net.rounds(confirmed=[ONE, TWO])
    assert net.asked == [ONE] and net.told == [{TWO}]


def test_one_that_hangs_is_a_miss_and_a_dial_decides(clock):
    net = Net(ONE)
    net.rounds(confirmed=[ONE])
    clock[0] += 10
    net.signs, net.asked = Signs({}, {ONE: (1.5,)}), []
    net.rounds(confirmed=[ONE])
    assert net.asked == [ONE] and net.told == []
    net.up.clear()
    clock[0] += 10
    net.rounds(confirmed=[ONE])
    assert net.asked == [ONE, ONE] and net.told == [{ONE}]


def test_those_that_hung_before_it_was_last_heard_tell_nothing(clock):
    net = Net(ONE)
    net.rounds(confirmed=[ONE])
    clock[0] += 1
    net.signs, net.asked = Signs({}, {ONE: (3.0, 2.0)}), []
    net.rounds(confirmed=[ONE])
    assert net.asked == [ONE] and net.told == []
    net.signs = Signs({ONE: 0.5})
    clock[0] += 1
    net.rounds(confirmed=[ONE])
    net.signs = Signs({}, {ONE: (1.4, 1.3)})
    clock[0] += 1
    net.rounds(confirmed=[ONE])
    assert net.asked == [ONE] and net.told == [{ONE}], "begun after it was heard half a second ago"


def test_what_is_silent_is_dialled_whatever_hangs(clock):
    net = Net(ONE)
    net.rounds(confirmed=[ONE])
    net.signs, clock[0] = Signs({}, {ONE: (1.0, 1.0)}), clock[0] + 10
    net.rounds(2, confirmed=[ONE])
    assert net.told == [{ONE}, frozenset()], "it answers"
    clock[0] += 50
    net.rounds(confirmed=[ONE])
    assert len(net.told) == 2, "one client can't reach it, and others can"
    clock[0] += 50
    net.rounds(confirmed=[ONE])
    assert net.told[2:] == [{ONE}]


def test_what_never_answered_here_is_not_judged_by_what_hangs(clock):
    net = Net()
    net.signs = Signs({}, {ONE: (1.0, 1.0)})
    net.rounds(2, confirmed=[ONE])
    assert net.told == [] and net.asked
    net.rounds(confirmed=[ONE], doubtful=[ONE])
    assert net.told == [{ONE}]


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
