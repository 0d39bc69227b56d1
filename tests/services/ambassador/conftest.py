"""One set of namespaces for all tests of a module; each test gets them without tables."""

from contextlib import suppress

import docker.errors
import pytest
from arpanet_ambassador.planes.nftables.plane import Nftables

from arpanet.agent import statusfile
from tests.lab import looks
from tests.lab.cluster import run, serve, write_rc
from tests.services.ambassador.behaviours.stage import Stage
from tests.services.ambassador.host import Host
from tests.services.ambassador.lan import SERVERS, Lan, anybody
from tests.services.ambassador.nftables import Plane
from tests.services.ambassador.planes import Machine, SocketUnderTest, bpffs
from tests.support.labs import clean, docker_of


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


@pytest.fixture
def plane(lan):
    return Plane(lan)


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


@pytest.fixture(scope="module")
def servers(module_lan):
    """A server at each of their addresses."""
    for ip in SERVERS:
        module_lan.serve(ip, 6379)


@pytest.fixture(params=["socket", "nftables"])
def host(make, request):
    """One whose best plane is the one in the test's name."""
    if request.param == "nftables":
        yield make()
        return
    with bpffs() as place:
        found = make(machine=Machine(place))
        yield found
        found.ambassador.chain.clear([])


# -- a host of the lab ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slave(dockerd):
    """A host that is master and slave."""
    clean(dockerd)
    write_rc(dockerd, ARPANET_IP=dockerd.ip, ARPANET_MASTERS=dockerd.ip)
    run(dockerd, "arpanet master start --peers boot")
    run(dockerd, "arpanet slave start")
    yield dockerd
    clean(dockerd)
    (dockerd.home / ".arpanetrc").unlink()


@pytest.fixture(scope="module")
def serving(slave):
    """It runs a redis, and has another network."""
    run(slave, "docker network create private")
    serve(slave, "redis")
    return slave


@pytest.fixture
def docker_host(serving):
    """The same, with the ambassador up, and without clients afterwards."""
    slave, before = serving, looks.own(serving)
    rc = slave.home / ".arpanetrc"
    said = rc.read_text()
    yield slave
    with docker_of(slave) as api:
        for one in api.containers(all=True):
            if "client" in one["Labels"] or "/other" in one["Names"]:
                with suppress(docker.errors.NotFound):  # one that removes itself
                    api.remove_container(one["Id"], v=True, force=True)
    rc.write_text(said)
    if looks.own(slave) != before:
        run(slave, "arpanet slave start")
