"""A host's Docker and a context around it, without either."""

from types import SimpleNamespace

from arpanet_registrator.settings import SETTINGS

from arpanet.agent import statusfile
from arpanet.docker.specs import OwnContainer
from arpanet.errors import RegistryUnreachable
from arpanet.records import Container, Host, Port
from arpanet.registry import MemoryRegistry
from arpanet.settings import CORE, Settings, Source

ANY = (Port(6379, host_ip="0.0.0.0", host_port=10000),)


def redis(name="r0", **fields):
    fields = {"image": "redis:7", "pid": 1, "started": "t0", "ports": ANY, **fields}
    return Container(id=f"id-{name}", name=name, **fields)


def by_id(*containers):
    return {one.id: one for one in containers}


class FakeEngine:
    id = "engine-1"

    def __init__(self):
        self.ensured, self.removed = [], []
        self.state = None
        self.files = statusfile.RUN

    def ensure(self, spec):
        self.ensured.append(spec)
        return "created"

    def remove_part(self, part):
        self.removed.append(part)

    def own(self, part):
        if self.state is None:
            return []
        return [OwnContainer("arpanet_registrator", part, self.state, "image", "id", "t0")]

    def read_file(self, name, path):
        file = statusfile.RUN / path.rpartition("/")[2]
        return file.read_bytes() if file.exists() else None


class Unreachable(MemoryRegistry):
    def check(self, host):
        raise RegistryUnreachable("no master answers at 10.0.0.1:4001")

    withdraw = check


class FakeContext:
    def __init__(self, **given):
        texts = {"HOSTNAME": "h1", "ARPANET_IP": "127.0.0.1", **given}
        sources = {name: Source(text, "option") for name, text in texts.items()}
        self.settings = Settings((*CORE, *SETTINGS), sources)
        self.engine = FakeEngine()
        self.registry = MemoryRegistry()
        self.said, self.woken = [], []
        self.say = self.said.append
        self.wake = lambda: self.woken.append(1)
        self.bus = SimpleNamespace(failures={})

    def host(self, *roles):
        return Host("h1", "127.0.0.1", self.engine.id, roles)
