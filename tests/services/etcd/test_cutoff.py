"""Hosts that are shut out while they watch, on real etcd: their connections are ended."""

import http.client
import json
import queue
import socket
import threading
from contextlib import closing, suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.masters.users import Access

from tests.conftest import wait_for
from tests.services.etcd.users import LAYOUT, M1, S1, S2, client
from tests.support.loopback import free_address

#: What a host that is shut out may go on for, in seconds.
SOON = 10


@pytest.fixture
def own_cluster(clusters):
    return clusters(1, flags=["--bcrypt-cost", "4"])


class Watching:
    """A watch of all that slaves read, dialled from the address of *who*."""

    def __init__(self, cluster, who):
        place = urlsplit(cluster.endpoints[0])
        self.heard, self.ended = queue.SimpleQueue(), threading.Event()
        self._connection = http.client.HTTPConnection(
            place.hostname, place.port, timeout=60, source_address=(who.addresses[0], 0)
        )
        said = self._ask("auth/authenticate", {"name": who.host, "password": who.password})
        token = json.loads(said.read())["token"]
        begin, end = (wire.encode(key) for key in LAYOUT.readable)
        create = {"create_request": {"key": begin, "range_end": end}}
        self._answer = self._ask("watch", create, {"Authorization": token})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert "created" in self.heard.get(timeout=SOON)

    def close(self):
        with suppress(OSError):  # it was ended already
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._answer.close()
        self._connection.close()

    def _ask(self, path, body, headers=None):
        self._connection.request("POST", f"/v3/{path}", json.dumps(body), headers or {})
        return self._connection.getresponse()

    def _run(self):
        with suppress(OSError):
            while line := self._answer.readline():
                self.heard.put(line.decode())
        self.ended.set()


def test_a_watch_of_who_is_shut_out_ends_and_others_go_on(own_cluster):
    one, two = (replace(who, addresses=(free_address(),)) for who in (S1, S2))
    place = urlsplit(own_cluster.members[0].client)
    places = [(place.hostname, place.port)]
    access = Access(client(own_cluster, M1, pinned=True), LAYOUT, places=places)
    access.admit((M1, one, two), "m1")
    with (
        closing(Watching(own_cluster, one)) as stolen,
        closing(Watching(own_cluster, two)) as honest,
        socket.create_server((free_address(), place.port)) as other,
        socket.create_connection(other.getsockname(), source_address=(one.addresses[0], 0)) as far,
    ):
        access.admit((M1, two), "m1")
        wait_for(stolen.ended.is_set, SOON)
        client(own_cluster, two).put(LAYOUT.host("h2"), "x")
        assert wire.encode(LAYOUT.host("h2")) in honest.heard.get(timeout=SOON)
        assert not honest.ended.is_set()
        assert far.send(b"x")  # the same port, of somebody else's
