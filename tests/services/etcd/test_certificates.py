"""Real etcd with mutual TLS: which certificates it takes, and which masters a host believes."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.plan import Own
from arpanet_identity import authority, enrolment
from arpanet_identity.authority import Subject
from arpanet_identity.store import Store

from arpanet import identity
from arpanet.errors import RegistryUnreachable
from tests.conftest import wait_for
from tests.services.etcd.masters import etcd_version
from tests.support.certificates import issue
from tests.support.loopback import free_address
from tests.support.processes import with_its_parent
from tests.support.versions import refusal


@contextmanager
def running(store: Store, ip: str, place: str) -> Iterator[Own]:
    """Have a member at *ip* that serves with what is on a master's disk."""
    own = Own("m1", ip, 4001, 7001, tls=True)
    words = flags.initial({own.name: own.peer_url}, "test")
    argv = flags.command(own, etcd_version(), words, data=place, certificate=str(store.me.host))
    log = subprocess.DEVNULL
    with subprocess.Popen(with_its_parent(argv), stdout=log, stderr=log) as process:
        try:
            wait_for(lambda: answers(store, own.name, "127.0.0.1", ip, own.client_port))
            yield own
        finally:
            process.kill()


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """The first master's disk, and its etcd."""
    place = tmp_path_factory.mktemp("m1")
    store, ip = Store(place / "identity"), free_address()
    enrolment.found(store, Subject("m1", "master", (ip,)))
    with running(store, ip, str(place / "data")) as own:
        yield store, own


def says(store, name):
    """Return what dials as the certificate *name* of a disk says (none: without one)."""
    context = ssl.create_default_context(cafile=str(store.me.ca))
    context.check_hostname = False
    if name:
        pem = store.me.host / ("host.pem" if name == "m1" else f"{name}.pem")
        key = store.me.key if name == "m1" else pem.with_suffix(".key")
        context.load_cert_chain(pem, key)
    return context


def answers(store, name, source, ip, port):
    """Return whether TLS is answered, with the certificate *name* of a disk (none: without one)."""
    with (
        suppress(OSError),
        socket.create_connection((ip, port), 5, (source, 0)) as plain,
        says(store, name).wrap_socket(plain) as secure,
    ):
        secure.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return secure.recv(12).startswith(b"HTTP/1.0 200")
    return False


@pytest.mark.parametrize(
    ("role", "port"),
    [("slave", "client_port"), ("slave", "peer_port"), ("master", "peer_port")],
)
@pytest.mark.parametrize(
    "which", ["none", "another CA's", "expired", "not yet valid", "revoked", "its own"]
)
def test_a_certificate_that_is_none_of_the_clusters_opens_no_port(master, which, role, port):
    """A slave's opens the clients' port alone, a master's the peers', too."""
    store, own = master
    mine = authority.create() if which == "another CA's" else store.authority()
    days = {"expired": (-2, -1), "not yet valid": (1, 2)}.get(which, (-1, 1))
    serial = issue(store.me.host, mine, role, days)
    store.revoke(store.authority().revoke([serial] if which == "revoked" else []))
    name = "" if which == "none" else "h2"
    found = answers(store, name, "127.0.0.1", own.ip, getattr(own, port))
    assert found is (which == "its own" and (role, port) != ("slave", "peer_port"))


@pytest.mark.parametrize("port", ["client_port", "peer_port"])
def test_tls_before_1_2_is_not_spoken(master, port):
    store, own = master
    assert refusal(says(store, "m1"), own.ip, getattr(own, port), "TLSv1_2") == ""
    said = refusal(says(store, "m1"), own.ip, getattr(own, port), "TLSv1_1")
    assert said == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.fixture
def host(master, monkeypatch):
    """This process is the master's host."""
    store, _ = master
    monkeypatch.setattr(identity, "_current", identity.Identity(store.directory, "m1"))


def why_not(url):
    gateway = Gateway([url])
    try:
        with pytest.raises(RegistryUnreachable) as refused:
            gateway.put("/x", "y")
    finally:
        gateway.close()
    return str(refused.value)


def test_a_master_with_a_certificate_for_another_address_is_not_believed(master, host, tmp_path):
    store, _ = master
    elsewhere = free_address()
    with running(store, elsewhere, str(tmp_path / "data")) as other:
        said = why_not(other.client_url)
    assert "certificate" in said
    assert elsewhere in said


def test_nor_one_of_another_clusters(master, host, tmp_path):
    other, ip = Store(tmp_path / "m1"), free_address()
    enrolment.found(other, Subject("m1", "master", (ip,)))
    with running(other, ip, str(tmp_path / "data")) as own:
        said = why_not(own.client_url)
    assert "certificate" in said


def test_tls_to_a_plain_port_is_told(one_etcd, host):
    said = why_not(one_etcd.endpoints[0].replace("http:", "https:"))
    assert "TLS" in said


def test_and_plain_words_to_one_that_speaks_tls(master):
    _, own = master
    said = why_not(own.client_url.replace("https:", "http:"))
    assert "TLS" in said
