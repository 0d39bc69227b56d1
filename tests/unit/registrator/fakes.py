"""The registrator's own form of what arpanet.testing has: its containers, its host."""

from arpanet_registrator.plugin import RegistratorPlugin

from arpanet.errors import RegistryUnreachable
from arpanet.records import Host, Port
from arpanet.registry import MemoryRegistry
from arpanet.testing import RecordingContext, RecordingEngine, container

ANY = (Port(6379, host_ip="0.0.0.0", host_port=10000),)


def redis(name="r0", **fields):
    return container(name, **{"networks": {}, "ports": ANY, **fields})


def by_id(*containers):
    return {one.id: one for one in containers}


class FakeEngine(RecordingEngine):
    """Where the registrator's container, if there is one, is in *state*."""

    state = None

    def own(self, part=None):
        self.containers = []
        if self.state:
            self.has("arpanet_registrator", "registrator", self.state)
        return super().own(part)


class Unreachable(MemoryRegistry):
    def check(self, host):
        raise RegistryUnreachable("no master answers at 10.0.0.1:4001")

    withdraw = check


class FakeContext(RecordingContext):
    def __init__(self, *others, **given):
        super().__init__(RegistratorPlugin(), *others, **given)
        self.engine = self.docker = FakeEngine()

    def host(self, *roles):
        return Host("h1", "127.0.0.1", self.engine.id, roles)
