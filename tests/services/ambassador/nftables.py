"""The nftables plane of one client, as tests drive it."""

from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import LOOPBACK, Client, Frontend

from arpanet.records import Target
from tests.services.ambassador.lan import AMBASSADOR, SERVERS, anybody

__all__ = ["KEY", "ONE", "TWO", "Plane", "links"]

ONE, TWO = (Target(ip, 6379, ip) for ip in SERVERS)
KEY = "id-client"


def links(backend=None, connect=None, ambassador=AMBASSADOR):
    found = {} if backend is None else {Frontend(ambassador, 6379): tuple(backend)}
    return found if connect is None else {**found, Frontend(LOOPBACK, 80): tuple(connect)}


class Plane:
    """A plane that knows one client."""

    def __init__(self, lan, verify=anybody):
        self.lan = lan
        self.now = 0.0
        self.nftables = Nftables(verify, clock=lambda: self.now)

    def client(self, found, **more):
        return Client(self.lan.client.home._replace(**more), found)

    def apply(self, backend=None, connect=None, check=False, **more):
        client = self.client(links(backend, connect), **more)
        return set(self.nftables.apply({KEY: client}, check).values())

    def listing(self):
        return self.lan.client.rules()
