"""Instances that the registry lost: dialled while a link uses them."""

import pytest
from arpanet_ambassador.flows.prober import MISSES, Prober, judged, pause

from tests.conftest import wait_for

ONE, TWO = ("10.0.0.1", 1), ("10.0.0.2", 1)


def test_misses_in_a_row():
    assert judged({ONE: 3}, {ONE: True, TWO: False}) == {ONE: 0, TWO: 1}
    assert judged({TWO: 1}, {TWO: False}) == {TWO: 2}
    assert judged({ONE: 1}, {}) == {}


@pytest.mark.parametrize(
    ("count", "silent", "least"), [(1, False, 1.0), (1, True, 2.0), (1000, False, 5.0)]
)
def test_at_most_one_dial_a_second_and_fewer_where_there_are_many(count, silent, least):
    assert pause(count, silent, 0.0) == least
    assert least < pause(count, silent, 1.0) <= 1.5 * least


def test_out_when_it_stops_answering_and_back_when_it_answers():
    up, told = {ONE, TWO}, []
    prober = Prober(lambda: told.append(prober.silent), lambda ones: [(o, o in up) for o in ones])
    prober._wanted = frozenset({ONE, TWO})
    prober.round(frozenset({ONE, TWO}))
    assert told == []
    up.discard(TWO)
    for _ in range(MISSES):
        assert prober.silent == frozenset()
        prober.round(frozenset({ONE, TWO}))
    up.add(TWO)
    prober.round(frozenset({ONE, TWO}))
    assert told == [{TWO}, frozenset()]


def test_only_what_is_wanted_is_dialled():
    asked = []

    def dial(ones):
        asked.append(list(ones))
        return [(one, True) for one in ones]

    prober = Prober(lambda: None, dial)
    prober.want(frozenset({ONE}))
    wait_for(lambda: asked)
    prober.want(frozenset({TWO}))
    wait_for(lambda: [TWO] in asked)
    prober.want(frozenset())
    count = len(asked)
    prober.want(frozenset({ONE}))
    wait_for(lambda: len(asked) > count)
    assert all(len(ones) == 1 for ones in asked)
