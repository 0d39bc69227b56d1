"""The vault in memory, which others are held against."""

import pytest

from arpanet import ABSENT, MemoryVault


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def vault(clock):
    return MemoryVault(lambda: clock[0])


def test_what_was_written_is_read(vault):
    assert vault.read("tokens/a") is None
    assert vault.write("tokens/a", "one")
    entry = vault.read("tokens/a")
    assert entry.value == "one"
    assert entry.version != ABSENT


def test_a_list_is_of_a_prefix(vault):
    for name in ("tokens/a", "tokens/b", "public/hosts/h1"):
        vault.write(name, name)
    assert list(vault.list("tokens/")) == ["tokens/a", "tokens/b"]


def test_of_two_that_write_at_one_version_one_is_refused(vault):
    assert vault.write("a", "1", ABSENT)
    assert not vault.write("a", "2", ABSENT)
    version = vault.read("a").version
    assert vault.write("a", "2", version)
    assert not vault.write("a", "3", version)
    assert vault.read("a").value == "2"


def test_of_two_that_delete_one_is_told_that_it_was_there(vault):
    vault.write("a", "1")
    version = vault.read("a").version
    assert not vault.delete("a", version + 1)
    assert vault.delete("a", version)
    assert not vault.delete("a")


def test_what_has_a_time_goes_by_itself(vault, clock):
    vault.write("a", "1", ttl=10)
    clock[0] += 9
    assert vault.read("a")
    clock[0] += 2
    assert vault.read("a") is None
    assert vault.write("a", "2", ABSENT)


def test_a_later_write_lets_it_stay(vault, clock):
    vault.write("a", "1", ttl=10)
    vault.write("a", "2")
    clock[0] += 100
    assert vault.read("a").value == "2"
