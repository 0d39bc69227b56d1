"""Answers of others: kept while those are ill."""

from arpanet_ambassador.names.lookups import Lookups

from tests.conftest import wait_for

KEY = ("db", 5432)
ANSWER = (("10.0.0.1", 5432),)


def lookups_of(look_up, changed=lambda: None):
    """Ask with *look_up*, question by question."""
    return Lookups("DNS", lambda questions: {one: look_up(one) for one in questions}, changed)


def test_last_good_answer_stays():
    said = {KEY: ANSWER}
    changes = []
    lookups = lookups_of(said.get, lambda: changes.append(1))
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: ANSWER}, 1)
    said[KEY] = "DNS is ill"
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: ANSWER}, 1)
    said[KEY] = (("10.0.0.2", 5432),)
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: said[KEY]}, 2)


def test_a_new_name_is_asked_at_once_and_an_old_one_forgotten():
    lookups = lookups_of(lambda key: ((key[0], key[1]),))
    lookups.want(frozenset({KEY}))
    wait_for(lambda: KEY in lookups.answers)
    other = ("pg", 1)
    lookups.want(frozenset({other}))
    wait_for(lambda: lookups.answers.keys() == {other})


def test_failure_is_an_answer():
    lookups = lookups_of(lambda key: "no such name")
    lookups.round(frozenset({KEY}))
    assert lookups.answers == {KEY: "no such name"}


def test_what_changed_is_asked_again_at_once():
    said = {KEY: ANSWER}
    lookups = lookups_of(said.get)
    lookups.want(frozenset({KEY}))
    wait_for(lambda: lookups.answers == {KEY: ANSWER})
    said[KEY] = ()
    lookups.again()
    wait_for(lambda: lookups.answers == {KEY: ()})


def test_a_source_that_fails_is_asked_again(caplog):
    fails = [OSError("no more descriptors")]

    def look_up(key):
        if fails:
            raise fails.pop()
        return ANSWER

    lookups = lookups_of(look_up)
    lookups.want(frozenset({KEY}))
    wait_for(lambda: not fails)
    lookups.again()
    wait_for(lambda: lookups.answers == {KEY: ANSWER})
    assert "DNS: no answers" in caplog.text
