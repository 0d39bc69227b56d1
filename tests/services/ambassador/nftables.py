"""The nftables plane of one client, as tests drive it."""

from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import LOOPBACK, Frontend

from arpanet.records import Target
from tests.services.ambassador.lan import AMBASSADOR, SERVERS, anybody
from tests.services.ambassador.leading import leading

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

    def hold(self, found, check=False, **more):
        homes = {KEY: (self.lan.client.home._replace(**more), found)}
        return self.nftables.apply(*leading(homes), check)

    def apply(self, backend=None, connect=None, check=False, **more):
        return set(self.hold(links(backend, connect), check, **more).values())

    def listing(self):
        return self.lan.client.rules()
