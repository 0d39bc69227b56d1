"""Hosts as users of etcd: who they are, and clients that say so."""

from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.login import Login
from arpanet_etcd.masters.users import Access
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.registry import EtcdRegistry
from arpanet_etcd.registry.v3.store import V3Store

from arpanet import Admission

LAYOUT = Layout("/arpanet", leaves=False)
M1 = Admission("m1", "master", ("10.0.0.9",), "password of m1")
S1 = Admission("h1", "slave", ("10.0.0.1",), "password of h1")
S2 = Admission("h2", "slave", ("10.0.0.2",), "password of h2")
ALL = (M1, S1, S2)


class Says(Login):
    """Says the password of a host other than this process's; knows which tokens it got for it."""

    def __init__(self, who):
        super().__init__()
        self._who = who
        self.got = []

    def _get(self, ask):
        self.got.append(ask({"name": self._who.host, "password": self._who.password})["token"])
        return self.got[-1]


def client(cluster, who, pinned=False):
    """A client that says the password of *who*, once it is asked."""
    gateway = Gateway(cluster.endpoints, pinned=pinned)
    gateway._login = Says(who)
    return gateway


def access(cluster, who=M1):
    return Access(client(cluster, who, pinned=True), LAYOUT)


def registry(cluster, who, ttl=3):
    """A registry as *who* may use it."""
    store = V3Store(cluster.endpoints, LAYOUT)
    store.gateway = client(cluster, who, pinned=True)
    return EtcdRegistry(store, LAYOUT, ttl)
