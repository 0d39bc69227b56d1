"""Tokens: what a person carries, and what the vault keeps of them."""

import pytest
from arpanet_identity import tokens

from arpanet import MemoryVault
from arpanet.errors import ArpanetError, UsageError
from tests.support.stand_in import stand_in

CA = "ab" * 32
FOREIGN = f"arp1-{'a' * 8}-{'b' * 40}-{'c' * 32}-éééééé"
NO = "used up, too old, revoked or of another cluster"


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    stand_in(monkeypatch, tokens, "time", time=lambda: now[0])
    return now


@pytest.fixture
def vault(clock):
    return MemoryVault(lambda: clock[0])


def test_what_is_printed_can_be_read(vault):
    made = tokens.create(vault, CA, "slave")
    assert tokens.parse(f" {made}\n") == made
    assert made.of(CA)
    assert not made.of("cd" * 32)


def test_one_cut_off_by_any_character_is_told(vault):
    text = str(tokens.create(vault, CA, "slave"))
    assert str(tokens.parse(text)) == text
    for at, one in enumerate(text):
        for other in ("", "0" if one == "1" else "1"):  # it lacks, or is mistyped
            with pytest.raises(UsageError, match=r"cut off, or mistyped|no join token"):
                tokens.parse(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("text", ["", "arp1", "hello", "arp1----", "-" * 9, FOREIGN])
def test_what_is_none_is_refused(text):
    with pytest.raises(UsageError):
        tokens.parse(text)


def test_neither_its_repr_nor_the_vault_tells_the_secret(vault):
    made = tokens.create(vault, CA, "slave")
    assert made.secret not in repr(made)
    assert all(made.secret not in one.value for one in vault.list("").values())


def test_it_works_once(vault):
    made = tokens.create(vault, CA, "slave")
    assert tokens.spend(vault, made.id, made.secret).role == "slave"
    with pytest.raises(ArpanetError, match=NO):
        tokens.spend(vault, made.id, made.secret)


def test_or_as_often_as_it_says(vault):
    made = tokens.create(vault, CA, "slave", uses=2)
    tokens.spend(vault, made.id, made.secret)
    assert [one.uses for one in tokens.kept(vault)] == [1]
    tokens.spend(vault, made.id, made.secret)
    assert list(tokens.kept(vault)) == []


def test_a_use_makes_it_no_younger(vault, clock):
    made = tokens.create(vault, CA, "slave", seconds=100, uses=2)
    clock[0] += 90
    tokens.spend(vault, made.id, made.secret)
    clock[0] += 11
    with pytest.raises(ArpanetError, match=NO):
        tokens.spend(vault, made.id, made.secret)


def test_nor_does_a_clock_that_was_put_back(clock):
    masters = [50.0]
    vault = MemoryVault(lambda: masters[0])
    made = tokens.create(vault, CA, "slave", seconds=100, uses=2)
    clock[0] -= 3600
    tokens.spend(vault, made.id, made.secret)
    masters[0] += 101
    with pytest.raises(ArpanetError, match=NO):
        tokens.spend(vault, made.id, made.secret)


@pytest.mark.parametrize("how", ["late", "revoked", "wrong secret", "unknown", "a path"])
def test_the_answer_to_a_wrong_one_is_always_the_same(vault, clock, how):
    made = tokens.create(vault, CA, "slave", seconds=60)
    token_id, secret = made.id, made.secret
    if how == "late":
        clock[0] += 61
    elif how == "revoked":
        assert tokens.revoke(vault, made.id)
    elif how == "wrong secret":
        secret = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    elif how == "unknown":
        token_id = "00000000"
    else:
        token_id = f"../tokens/{made.id}"
    with pytest.raises(ArpanetError, match=NO):
        tokens.check(vault, token_id, secret)


def test_those_of_another_ca_are_revoked_and_no_others(vault):
    tokens.create(vault, "a" * 64, "slave")
    stays = tokens.create(vault, "b" * 64, "slave")
    tokens.keep_only(vault, "b" * 64)
    assert [one.id for one in tokens.kept(vault)] == [stays.id]


def test_of_two_at_one_moment_one_is_let_in(vault):
    """The other has read the token before it was used up."""
    made = tokens.create(vault, CA, "slave")
    delete, first = vault.delete, []

    def delete_after_another(name, version=None):
        if not first:
            first.append(delete(name, version))
        return delete(name, version)

    vault.delete = delete_after_another
    with pytest.raises(ArpanetError, match=NO):
        tokens.spend(vault, made.id, made.secret)
    assert first == [True]
