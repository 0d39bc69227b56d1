"""The vault in memory, which others are held against."""

import itertools

import pytest

from arpanet import MemoryVault
from arpanet.testing.vault import VaultContract


class TestMemory(VaultContract):
    @pytest.fixture
    def vault(self):
        """Half a second goes by each time it is asked what time it is."""
        return MemoryVault(itertools.count(0, 0.5).__next__)


def test_what_has_a_time_stays_for_as_long():
    clock = [100.0]
    vault = MemoryVault(lambda: clock[0])
    vault.write("a", "1", ttl=10)
    clock[0] += 9
    assert vault.read("a")
    clock[0] += 2
    assert vault.read("a") is None
