"""A master's etcd is started again while the others go on: real members, no Docker."""

import pytest
from arpanet_etcd.masters import restart
from arpanet_etcd.plugin import EtcdPlugin

from arpanet.errors import RegistryError
from arpanet.testing.engine import RecordingEngine
from tests.services.etcd.masters import masters

__all__ = ["masters"]  # a fixture


class Docker(RecordingEngine):
    """Whose one container is a plain process."""

    def __init__(self, master):
        super().__init__()
        self._master = master
        self.has("arpanet_etcd", "etcd")

    def restart(self, container):
        self.did.append(f"restart {container}")
        words = self._master.argv
        self._master.stop()
        self._master.start([word for word in words if word.startswith("--initial-cluster")])


@pytest.fixture
def two(masters):
    one, two = made = masters(2)
    one.boot()
    two.joiner.join([one.own.peer_url])
    one.settled("h1", "h2")
    return made


def context_of(master, arpanet_context):
    ip = master.own.ip
    given = {"ARPANET_IP": ip, "ARPANET_MASTERS": ip, "ARPANET_TLS": "off"}
    made = arpanet_context(EtcdPlugin(), HOSTNAME=master.own.name, **given)
    made.engine = Docker(master)
    return made


def test_it_is_there_again_when_it_returns(two, arpanet_context):
    one, other = two
    context = context_of(one, arpanet_context)
    before = one.process.pid
    restart.restart(context)
    assert context.engine.did == ["restart id-arpanet_etcd"]
    assert one.process.pid != before
    one.gateway.put("/x", "y")
    restart.restart(context_of(other, arpanet_context))
    assert other.gateway.get("/x").value == "y"


def test_not_while_another_does_not_answer(two, arpanet_context):
    one, other = two
    other.stop()
    context = context_of(one, arpanet_context)
    with pytest.raises(RegistryError, match="not started again while h2 does not answer"):
        restart.restart(context)
    assert context.engine.did == []
