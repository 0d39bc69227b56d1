"""The registrator's own form of what arpanet.testing has: its containers, its host."""

from arpanet_registrator.plugin import RegistratorPlugin

from arpanet.errors import RegistryUnreachable
from arpanet.records import Host, Port
from arpanet.registry import MemoryRegistry
from arpanet.testing import RecordingContext, RecordingEngine, container

ANY = (Port(6379, host_ip="0.0.0.0", host_port=10000),)


def redis(name="r0", **fields):
    """Redis, published; nobody can tell whether it listens."""
    return container(name, **{"networks": {}, "ports": ANY, "pid": 0, **fields})


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


class Proc:
    """A ``/proc`` at *place*, of processes that tests name."""

    HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"

    def __init__(self, place):
        self.place = place
        self.listens(7, "tcp")

    def listens(self, pid, protocol, *sockets, state=""):
        """Let the namespace of *pid* have listeners at these: an address and a port, in hex."""
        net = self.place / str(pid) / "net"
        net.mkdir(parents=True, exist_ok=True)
        state = state or {"tcp": "0A", "udp": "07"}[protocol]
        lines = [f"   0: {local} {'0' * 8}:0000 {state} 0:0 0 0\n" for local in sockets]
        (net / protocol).write_text(self.HEAD + "".join(lines))
