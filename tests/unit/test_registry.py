"""What the protocol promises, held by the registry that tests lean on."""

import pytest

from arpanet.records import Host
from arpanet.registry import MemoryRegistry
from arpanet.testing import instance
from arpanet.testing.registry import RegistryContract


class TestMemory(RegistryContract):
    patience = ttl = 0.0

    @pytest.fixture
    def registry(self):
        return MemoryRegistry()


def test_what_changes_nothing_is_not_told():
    registry, heard = MemoryRegistry(), []
    registry.follow(heard.append)
    session = registry.session(Host("h2", "10.0.0.2", "engine-2"))
    for _ in range(2):
        session.publish([instance()])
    assert [len(state.instances) for state in heard] == [0, 0, 1]
