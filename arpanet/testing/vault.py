"""What :class:`arpanet.vault.Vault` promises, as tests that any vault can be held to.

In a test module of yours::

    from arpanet.testing.vault import VaultContract


    class TestMine(VaultContract):
        @pytest.fixture
        def vault(self):
            yield ...  # empty, and closed after the test
"""

import threading
from collections.abc import Callable

import pytest

from arpanet.testing.waiting import wait_for
from arpanet.vault import ABSENT, Vault

__all__ = ["VaultContract"]


class VaultContract:
    """Subclass it, with a fixture ``vault``; pytest finds the tests in your class.

    :cvar ttl: the shortest time, in seconds, after which an entry can go by itself.
    """

    ttl: int = 3

    @pytest.fixture
    def other(self, vault: Vault) -> Vault:
        """The same vault, as another master opens it; replace it where that is another object."""
        return vault

    def test_what_was_written_is_read(self, vault: Vault, other: Vault) -> None:
        assert vault.read("tokens/a") is None
        assert vault.write("tokens/a", "é\n{}")
        entry = other.read("tokens/a")
        assert entry
        assert entry.value == "é\n{}"
        assert entry.version != ABSENT

    def test_a_list_is_of_a_prefix(self, vault: Vault, other: Vault) -> None:
        names = ["public/hosts/h1", "public/hosts/weird %2F?#é_", "tokens/a", "tokens/b"]
        for name in names:
            vault.write(name, f"of {name}")
        assert {name: e.value for name, e in other.list("tokens/").items()} == {
            "tokens/a": "of tokens/a",
            "tokens/b": "of tokens/b",
        }
        assert list(other.list("public/hosts/weird")) == names[1:2]
        assert list(other.list("pub")) == names[:2]
        assert list(other.list("")) == names
        assert list(other.list("nothing/")) == []

    def test_of_two_that_write_at_one_version_one_is_refused(
        self, vault: Vault, other: Vault
    ) -> None:
        assert vault.write("a", "1", ABSENT)
        assert not other.write("a", "2", ABSENT)
        entry = vault.read("a")
        assert entry
        assert vault.write("a", "2", entry.version)
        assert not other.write("a", "3", entry.version)
        after = other.read("a")
        assert after
        assert after.value == "2"
        assert after.version not in (entry.version, ABSENT)

    def test_of_many_that_do_so_at_one_moment_one_has_it(self, vault: Vault, other: Vault) -> None:
        wins: list[int] = []

        def contend(number: int, where: Vault) -> None:
            if where.write("a", str(number), ABSENT):
                wins.append(number)

        threads = [
            threading.Thread(target=contend, args=(number, (vault, other)[number % 2]))
            for number in range(8)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        entry = vault.read("a")
        assert entry
        assert [str(number) for number in wins] == [entry.value]

    def test_of_two_that_delete_one_is_told_that_it_was_there(
        self, vault: Vault, other: Vault
    ) -> None:
        assert not vault.delete("a")
        vault.write("a", "1")
        entry = vault.read("a")
        assert entry
        assert not other.delete("a", entry.version + 1000)
        assert other.delete("a", entry.version)
        assert not vault.delete("a")
        assert vault.read("a") is None

    def test_what_has_a_time_goes_by_itself(self, vault: Vault, other: Vault) -> None:
        assert vault.write("a", "1", ABSENT, self.ttl)
        assert not vault.write("a", "2", ABSENT, self.ttl)
        wait_for(lambda: other.read("a") is None, self.ttl * 10)
        assert vault.write("a", "2", ABSENT)

    def test_a_later_write_lets_it_stay(self, vault: Vault, other: Vault) -> None:
        vault.write("a", "1", ttl=self.ttl)
        vault.write("a", "2")
        vault.write("b", "later", ttl=self.ttl)
        wait_for(lambda: other.read("b") is None, self.ttl * 10)
        after = other.read("a")
        assert after
        assert after.value == "2"

    def test_or_leaves_its_time_as_it_was(self, vault: Vault, other: Vault) -> None:
        vault.write("a", "1", ttl=self.ttl)
        entry = vault.read("a")
        assert entry
        assert vault.write("a", "2", entry.version, ttl=None)
        assert not other.write("a", "3", entry.version, ttl=None)
        wait_for(lambda: other.read("a") is None, self.ttl * 10)

    def test_who_follows_is_told_of_what_others_change(self, vault: Vault, other: Vault) -> None:
        told = threading.Event()
        hearing = other.follow(told.set)
        assert told.wait(self.ttl * 10)  # from here on, nothing is missed
        changes: list[Callable[[], object]] = [
            lambda: vault.write("tokens/a", "1"),
            lambda: vault.write("public/hosts/h1", "1"),
            lambda: vault.delete("tokens/a"),
        ]
        for change in changes:
            told.clear()
            change()
            assert told.wait(self.ttl * 10)
        hearing.close()
        hearing.close()
        last = vault.follow(told.set)
        wait_for(told.is_set, self.ttl * 10)
        last.close()
