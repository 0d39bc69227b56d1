"""Where the kernel tells of no refusals."""

import pytest
from arpanet_ambassador.flows import refused
from arpanet_ambassador.flows.refused import Refused

ONE = ("10.0.0.1", 1)


class Teller:
    """Stands for the kernel's side."""

    def __init__(self, fails=None):
        self.fails, self.watched, self.closed = fails, [], 0

    def watch(self, wanted):
        if self.fails:
            raise self.fails
        self.watched.append(wanted)

    def close(self):
        self.closed += 1


@pytest.fixture
def made(monkeypatch):
    """What was asked for, and what each is to come to: a teller, or an error."""
    outcomes, asked = [], []

    def make(told):
        asked.append(told)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(refused, "Refusals", make)
    return outcomes, asked


def test_nothing_is_made_until_something_is_watched(made):
    outcomes, asked = made
    outcomes.append(Teller())
    teller, one = outcomes[0], Refused(print)
    one.watch(frozenset())
    assert asked == []
    one.watch(frozenset({ONE}))
    one.watch(frozenset())
    assert asked == [print] and teller.watched == [{ONE}, frozenset()]
    one.close()
    one.close()
    assert teller.closed == 1


@pytest.mark.parametrize(
    "problem", [PermissionError(1, "Operation not permitted"), ValueError("it is no object")]
)
def test_a_kernel_that_says_no_is_asked_once(made, problem, caplog):
    outcomes, asked = made
    outcomes.append(problem)
    one = Refused(print)
    with caplog.at_level("INFO"):
        for _ in range(3):
            one.watch(frozenset({ONE}))
    assert asked == [print]
    (record,) = caplog.records
    assert record.getMessage() == f"of refusals dials tell, since the kernel does not: {problem}"


def test_one_that_fails_later_is_closed(made):
    outcomes, asked = made
    outcomes.append(Teller(OSError(12, "Cannot allocate memory")))
    teller, one = outcomes[0], Refused(print)
    one.watch(frozenset({ONE}))
    one.watch(frozenset({ONE}))
    assert asked == [print] and teller.closed == 1
