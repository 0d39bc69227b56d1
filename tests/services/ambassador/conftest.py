"""One set of namespaces for all tests of a module; each test gets them without tables."""

import pytest
from arpanet_ambassador.planes.nftables.plane import Nftables

from arpanet.agent import statusfile
from tests.services.ambassador.behaviours.stage import Stage
from tests.services.ambassador.host import Host
from tests.services.ambassador.lan import Lan, anybody
from tests.services.ambassador.planes import SocketUnderTest, bpffs


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


# -- the socket plane -----------------------------------------------------------------------------


@pytest.fixture
def place():
    with bpffs() as found:
        yield found


@pytest.fixture
def carrier(place):
    made = SocketUnderTest(place)
    yield made
    made.stop()


@pytest.fixture
def stage(module_lan, carrier):
    made = Stage(module_lan, carrier)
    yield made
    made.end()


# -- the whole ambassador -------------------------------------------------------------------------


@pytest.fixture
def make(lan, tmp_path, monkeypatch):
    monkeypatch.setattr(statusfile, "RUN", tmp_path)
    made = []

    def host(plane="auto", machine=None):
        made.append(Host(lan, plane, machine))
        return made[-1]

    yield host
    for one in made:
        one.ambassador.close()
