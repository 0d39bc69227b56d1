"""A host whose ambassador runs in this process, beside real namespaces."""

import json
from types import SimpleNamespace

from arpanet_ambassador.ambassador import Ambassador
from arpanet_ambassador.planes.socket.installing import Installation

from arpanet.agent import statusfile
from arpanet.records import Container, Instance, Snapshot
from arpanet.registry import MemoryRegistry
from arpanet.settings import ARPANET_MASTERS, HOSTNAME
from tests.services.ambassador.lan import AMBASSADOR, CLIENT, anybody, hello

__all__ = ["NAME", "Host", "snapshot"]

NAME = "arpanet_backends"


def snapshot(*ips, port=6379, **more):
    found = [
        Instance(f"{ip}:redis:{port}", ("redis",), f"host{ip}", ip, port, **more) for ip in ips
    ]
    return Snapshot({one.id: one for one in found})


class Host:
    """A host with one client, whose ambassador lives in the ambassador's namespace.

    :param machine: without it, the host can't have the socket plane.
    """

    def __init__(self, lan, plane="auto", machine=None):
        self.lan, self.plane, self.machine, self.now = lan, plane, machine, 0.0
        self.best = "socket" if machine else "nftables"
        self.emitted = []
        self.ambassador = None
        self.context = SimpleNamespace(
            settings={HOSTNAME: "here", ARPANET_MASTERS: ("10.99.0.1",)},
            wake=lambda: None,
            registry=MemoryRegistry(),
            engine=SimpleNamespace(networks=lambda: (), existing=lambda: iter(())),
            emit=lambda event, **payload: self.emitted.append((event, payload)),
        )
        self.start()

    def start(self, verify=anybody):
        """Start an ambassador, in the place of one that was killed."""
        if self.ambassador:
            self.ambassador.close()
        self.ambassador = self.lan.ambassador.do(
            lambda: Ambassador(
                self.context, NAME, self.plane, verify, lambda: self.now, self.machine
            )
        )

    def damage(self):
        """Take the links out behind the ambassador's back."""
        if self.best == "nftables":
            self.lan.client.sh("nft delete table ip arpanet")
            return
        links = Installation(self.machine).reopen()["links"]
        for key, _ in list(links.items()):
            links.delete(key)

    def client(self, **more):
        told = {"env": {"BACKEND_6379": "redis"}, "labels": {"connect.80": "redis"}, **more}
        return Container(
            "id-client",
            "client",
            "image",
            self.lan.client.process.pid,
            "t0",
            networks={"bridge": CLIENT},
            links=((NAME, "redis"),),
            **told,
        )

    def backends(self, address=AMBASSADOR):
        pid = self.lan.ambassador.process.pid
        return Container("id-own", NAME, "image", pid, "t0", networks={"bridge": address})

    def containers(self, *others, client=None, backends=None):
        """Tell the ambassador of a client, of what it is linked to, and of *others*."""
        found = [client or self.client(), backends or self.backends(), *others]
        self.lan.ambassador.do(lambda: self.ambassador.containers({c.id: c for c in found}))

    def services(self, *ips, **more):
        self.lan.ambassador.do(lambda: self.ambassador.services(snapshot(*ips, **more)))

    def links(self):
        return self.emitted[-1][1]["after"]

    def status(self):
        return json.loads((statusfile.RUN / "ambassador.json").read_text())

    def dial(self, port=6379):
        return self.lan.client.dial("127.0.0.1" if port == 80 else AMBASSADOR, port)

    def reached(self, port=6379):
        with self.dial(port) as connection:
            return hello(connection).partition(":")[0]
