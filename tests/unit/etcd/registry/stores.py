"""A store that does as it is told, and what it tells."""

import threading
from dataclasses import replace

from arpanet_etcd.client.position import Position
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.store import Listing, Step

from arpanet import codec
from arpanet.errors import RegistryUnreachable
from arpanet.records import Host, Instance

GONE = RegistryUnreachable("no master answers")
LAYOUT = Layout("/a")
HOST = Host("h1", "10.0.0.1", "engine", listed=3)
ONE = Instance("h1:r0:1", ("redis",), "h1", "10.0.0.1", 1000)


def at(revision, cluster="7", term=2, witness=None):
    return Position(cluster, term, revision, witness)


def put(name, port=1):
    one = Instance(name, ("web",), "h1", "10.0.0.1", port)
    return (LAYOUT.record("h1", name), codec.encode(one))


def gone(name):
    return (LAYOUT.record("h1", name), None)


def says(number):
    return (LAYOUT.host("h1"), codec.encode(replace(HOST, listed=number)))


def listing(revision, *names, number=3, **history):
    texts = [put(name, 1 + index) for index, name in enumerate(names)]
    return Listing(dict([says(number), *texts]), at(revision, **history))


class Changes:
    def __init__(self, steps):
        self.steps, self.closed = steps, threading.Event()

    def __iter__(self):
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield Step(at(step[0]), step[1])
        self.closed.wait(10)

    def close(self):
        self.closed.set()


class Store:
    """Lists and watches go as *listings* and *watches* say, one after the other.

    :ivar history: what positions it remembers; ``None``: all.
    """

    history = None

    def __init__(self, listings, watches):
        self.listings, self.watches = iter(listings), iter(watches)
        self.cursors, self.expected = [], []

    def expect(self, cluster):
        self.expected.append(cluster)

    def remembers(self, position):
        return self.history is None or position in self.history

    def listing(self):
        found = next(self.listings)
        if isinstance(found, Exception):
            raise found
        return found

    def changes(self, position):
        self.cursors.append(position.revision)
        return Changes(next(self.watches))


def names(snapshot):
    return sorted(f"{key}?" if one.unconfirmed else key for key, one in snapshot.instances.items())


class Writer:
    def __init__(self):
        self.refreshed, self.written, self.problems, self.refused = 0, [], [], {}

    def refresh(self):
        self.refreshed += 1
        if self.problems:
            raise self.problems.pop(0)

    def write(self, wanted):
        self.written.append([one.id for one in wanted])
        return self.refused
