"""DNS answers: kept while DNS is ill."""

from arpanet_ambassador.names.dns import Lookups

from tests.conftest import wait_for

KEY = ("db", 5432)
ANSWER = (("10.0.0.1", 5432),)


def test_last_good_answer_stays():
    said = {KEY: ANSWER}
    changes = []
    lookups = Lookups(lambda: changes.append(1), lambda key: said[key])
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: ANSWER}, 1)
    said[KEY] = "DNS is ill"
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: ANSWER}, 1)
    said[KEY] = (("10.0.0.2", 5432),)
    lookups.round(frozenset({KEY}))
    assert (lookups.answers, len(changes)) == ({KEY: said[KEY]}, 2)


def test_a_new_name_is_asked_at_once_and_an_old_one_forgotten():
    lookups = Lookups(lambda: None, lambda key: ((key[0], key[1]),))
    lookups.want(frozenset({KEY}))
    wait_for(lambda: KEY in lookups.answers)
    other = ("pg", 1)
    lookups.want(frozenset({other}))
    wait_for(lambda: lookups.answers.keys() == {other})


def test_failure_is_an_answer():
    lookups = Lookups(lambda: None, lambda key: "no such name")
    lookups.round(frozenset({KEY}))
    assert lookups.answers == {KEY: "no such name"}


def test_a_stray_error_is_an_answer_and_ends_nothing():
    told = []

    def look_up(key):
        if key[0] == "ill":
            raise UnicodeError("label too long")
        return ANSWER

    def changed():
        told.append(1)
        if len(told) == 1:
            raise RuntimeError("whoever is told")

    lookups = Lookups(changed, look_up)
    lookups.want(frozenset({KEY, ("ill", 1)}))
    wait_for(lambda: told)
    assert lookups.answers[KEY] == ANSWER
    assert "UnicodeError: label too long" in lookups.answers["ill", 1]
    lookups.want(frozenset({("pg", 1)}))
    wait_for(lambda: lookups.answers == {("pg", 1): ANSWER})
