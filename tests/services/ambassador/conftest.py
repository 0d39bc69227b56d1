"""One set of namespaces for all tests of a module; each test gets them without tables."""

import pytest
from arpanet_ambassador.planes.nftables.plane import Nftables

from tests.services.ambassador.lan import Lan, anybody


@pytest.fixture(scope="module")
def module_lan():
    lan = Lan()
    yield lan
    lan.end()


@pytest.fixture
def lan(module_lan):
    Nftables(anybody).clear([module_lan.client.home])
    yield module_lan
    assert Nftables(anybody).clear([module_lan.client.home]) == {}
