"""One set of namespaces for all tests of a module; each test gets them without tables."""

import pytest
from arpanet_ambassador.planes.nftables.kernel import clear

from tests.services.ambassador.lan import Lan, anybody


@pytest.fixture(scope="module")
def module_lan():
    lan = Lan()
    yield lan
    lan.end()


@pytest.fixture
def lan(module_lan):
    clear([module_lan.client.home], anybody)
    yield module_lan
    assert clear([module_lan.client.home], anybody) == {}
