"""A host's certificate is renewed while it watches, on real etcd with mutual TLS."""

import subprocess
import threading
import time

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.plan import Own
from arpanet_identity import authority, enrolment, host
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.renewal import Renewal
from arpanet_identity.store import Store

from arpanet import MemoryVault, identity
from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.services.etcd.masters import etcd_version
from tests.support.loopback import free_address
from tests.support.processes import with_its_parent

#: Of a certificate, in seconds; it is renewed when it has eight left, on however busy a machine.
LIFE = 20


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The first master's disk, and this process as that host."""
    store = Store(tmp_path / "m1")
    address = free_address()
    enrolment.found(store, Subject("m1", "master", (address,)), LIFE / 86400)
    monkeypatch.setattr(identity, "_current", identity.Identity(store.directory, "m1"))
    return store


@pytest.fixture
def etcd(kept, tmp_path):
    """Return the URL of a member that serves with what is on that disk."""
    own = Own("m1", authority.addresses(kept.certificate())[0], 4001, 7001, tls=True)
    words = flags.initial({own.name: own.peer_url}, "test")
    place = {"data": str(tmp_path / "data"), "certificate": str(kept.me.host)}
    argv = flags.command(own, etcd_version(), words, **place)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(with_its_parent(argv), stdout=log, stderr=log)
    try:
        wait_for(lambda: put(own.client_url, "0"))
        yield own.client_url
    finally:
        process.kill()
        process.wait(60)


def put(url, value):
    """Write over a connection of its own; return whether that was done."""
    gateway = Gateway([url])
    try:
        return bool(gateway.put("/x", value))
    except RegistryError:
        return False
    finally:
        gateway.close()


def test_a_watch_that_is_open_over_renewals_sees_every_change(etcd, kept):
    """Also when the certificate that it was begun with has ended."""
    mine = Enrolment(kept, MemoryVault(), lambda _: None, LIFE / 86400)
    mine.roster()
    serials = [kept.certificate().serial_number]
    first = kept.certificate().not_valid_after_utc.timestamp()

    def renew():
        public = authority.read_key(kept.key()).public_key()
        host.adopt(kept, mine.renew(f"{serials[-1]:x}", public))
        serials.append(kept.certificate().serial_number)

    heard, ended, written, refused = [], threading.Event(), 1, []
    gateway = Gateway([etcd])

    def listen(watch):
        heard.extend(event.value.value for _, events in watch for event in events)
        ended.set()

    with gateway.watch("/x", "", 1) as watch:
        listening = threading.Thread(target=listen, args=(watch,))
        listening.start()
        renewal = Renewal(kept, renew)
        while time.time() < first + 1 or len(serials) < 3:
            if not put(etcd, str(written)):
                refused.append(str(written))
            written += 1
            ended.wait(0.05)  # as many as a busy host writes, and no more
            assert time.time() < first + 120
        renewal.close()
        wait_for(lambda: len(heard) == written or ended.is_set())
        dropped = ended.is_set()
        watch.close()
        listening.join()
    gateway.close()
    assert (dropped, refused) == (False, [])
    assert heard == [str(number) for number in range(written)]
