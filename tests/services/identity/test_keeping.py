"""What masters' and slaves' agents do by themselves: real sockets, certificates of short lives."""

import json
import socket
import time
from contextlib import ExitStack, contextmanager

import pytest
from arpanet_identity import client, host, roster, tokens
from arpanet_identity.renewal import renew
from cryptography import x509

from arpanet import ARPANET_IP, statusfile
from arpanet.errors import ArpanetError, RegistryUnreachable
from arpanet.records import Formation
from tests.conftest import wait_for
from tests.services.identity.agents import fingerprint, join, listens, place, serial
from tests.support.loopback import free_address

#: Of a certificate, in seconds; it is renewed when it has eight left, on however busy a machine.
LIFE = 20


def test_certificates_renew_themselves(boot, agent, registry):
    """The master's own, too; and what they were before holds for as long as it says."""
    master = boot(ARPANET_CERT_DAYS=f"{LIFE / 86400:.9f}")
    slave = join(master, agent("h2"), registry)
    both = [host.store(master.context), slave]
    before = [(serial(kept), kept.key(), kept.me.password) for kept in both]
    wait_for(lambda: all(serial(k) != was[0] for k, was in zip(both, before, strict=True)), LIFE)
    assert [(kept.key(), kept.me.password) for kept in both] == [was[1:] for was in before]
    for kept in both:
        kept.me.check()
    entry = roster.listed(registry.vault)["h2"]
    assert entry.serial == f"{serial(slave):x}"
    assert not registry.vault.list(roster.REVOKED)


def test_no_second_ca_is_made_beside_a_master_that_lets_hosts_in(master, agent):
    """Its etcd may be down for a moment, and be no sign of a cluster then."""
    ip = master.context.settings[ARPANET_IP]
    other = agent("m2", "master", ip=free_address()).context
    with pytest.raises(ArpanetError, match=f"names {ip}, where a master lets hosts in"):
        other.emit("master.start", formation=Formation(boot=True))
    assert not host.store(other).directory.exists()
    master.stop()
    host.refuse_second(other)
    with socket.create_server((ip, 7002)):  # who says nothing lets nobody in
        host.refuse_second(other)


def test_to_join_again_asks_nobody_and_needs_no_master(master, agent, registry):
    here = agent("h2")
    kept = join(master, here, registry)
    before, left = serial(kept), tokens.create(registry.vault, fingerprint(master), "slave")
    assert host.join(here.context, "127.0.0.1:1", str(left)) == "slave"
    assert serial(kept) == before
    other = tokens.create(registry.vault, "ab" * 32, "slave")
    with pytest.raises(ArpanetError, match="this host is let in already, as a slave"):
        host.join(here.context, place(master), str(other))


def test_who_is_shut_out_is_refused_by_every_master(master, agent, registry):
    second = agent("m2", "master", ip=free_address())
    other = join(master, second, registry, "master")
    stolen = join(master, agent("h2"), registry)
    wait_for(lambda: listens(place(second)))
    roster.shut_out(registry.vault, "h2")
    for kept in (host.store(master.context), other):
        wait_for(lambda kept=kept: serial(stolen) in revoked(kept))
    wait_for(lambda: registry.admitted[-1] == {"m1": "master", "m2": "master"})
    for one in (master, second):
        with pytest.raises(ArpanetError, match="this host's certificate is nobody's any more"):
            client.renew(place(one), stolen.me)


def revoked(kept):
    return {one.serial_number for one in x509.load_der_x509_crl(kept.crl.read_bytes())}


def test_hosts_are_let_in_and_renewed_where_the_first_master_is_gone_for_good(
    master, agent, registry
):
    second = agent("m2", "master", ip=free_address())
    join(master, second, registry, "master")
    kept = join(master, agent("h1"), registry)
    master.stop()
    wait_for(lambda: listens(place(second)))
    join(second, agent("h2"), registry)
    assert set(roster.listed(registry.vault)) == {"m1", "m2", "h1", "h2"}
    before = serial(kept)
    host.adopt(kept, client.renew(place(second), kept.me), renewed=True)
    assert serial(kept) != before


def test_a_master_without_power_holds_up_no_renewal(master, agent, registry):
    """It answers nothing at all, to no packet."""
    ip, gone = master.context.settings[ARPANET_IP], free_address()
    here = agent("h2", ARPANET_MASTERS=f"{gone},{ip}")
    kept = join(master, here, registry)
    before = serial(kept)
    with black_hole(gone, 7002):
        begun = time.monotonic()
        renew(here.context, kept)
        took = time.monotonic() - begun
    assert serial(kept) != before
    assert took < client.PATIENCE / 2


def test_where_no_master_answers_that_is_one_line(master, agent, registry, monkeypatch):
    """What is wrong, where, and what to do; not what an exception is called."""
    monkeypatch.setattr(client, "GLANCE", 0.2)
    monkeypatch.setattr(client, "PATIENCE", 0.5)
    silent, closed = free_address(), free_address()
    here = agent("h2", ARPANET_MASTERS=f"{silent},{closed}")
    kept = join(master, here, registry)
    before = serial(kept)
    with black_hole(silent, 7002), pytest.raises(RegistryUnreachable) as said:
        renew(here.context, kept)
    assert said.value.message == (
        f"no master answers at {silent}:7002: timed out;"
        f" no master answers at {closed}:7002: connection refused"
    )
    assert said.value.hint == "are the masters running, and is ARPANET_MASTERS right?"
    assert serial(kept) == before


def test_what_a_master_says_is_told_beside_one_that_is_silent(master, agent, registry):
    ip, closed = master.context.settings[ARPANET_IP], free_address()
    here = agent("h2", ARPANET_MASTERS=f"{ip},{closed}")
    kept = join(master, here, registry)
    roster.shut_out(registry.vault, "h2")
    with pytest.raises(ArpanetError) as said:
        renew(here.context, kept)
    assert not isinstance(said.value, RegistryUnreachable)
    assert "is nobody's any more; no master answers at" in said.value.message
    assert "let it in again" in said.value.hint


@contextmanager
def black_hole(ip, port):
    """Drop what comes to this port, as the kernel does where as many wait as may be waiting."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((ip, port), backlog=0))
        for _ in range(3):
            one = opened.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield


def test_a_registry_that_was_wiped_is_filled_again(master, agent, registry):
    join(master, agent("h2"), registry)
    for name in registry.vault.list(""):
        registry.vault.delete(name)
    wait_for(lambda: set(roster.listed(registry.vault)) == {"m1", "h2"})


def test_no_certificate_is_revoked_by_a_list_that_is_not_there(master):
    """etcd starts with it, so it is there from the beginning."""
    assert revoked(host.store(master.context)) == set()


def state():
    try:
        return json.loads((statusfile.RUN / "master.json").read_text())
    except FileNotFoundError:
        return {}


def test_status_hears_of_it_when_the_registry_is_away(master, registry, monkeypatch):
    wait_for(lambda: state() == {"hosts": 1, "trouble": ""})

    def away(_prefix):
        raise RegistryUnreachable("no master answers")

    monkeypatch.setattr(registry.vault, "list", away)
    registry.vault.write("news", "")  # else it looks once a minute
    wait_for(lambda: state().get("trouble") == "no master answers")
    monkeypatch.undo()
    wait_for(lambda: state().get("trouble") == "")


def test_and_when_its_port_is_taken(agent):
    made = agent("m1", "master")
    made.context.emit("master.start", formation=Formation(boot=True))
    ip = host.subject(made.context, "").addresses[0]
    with socket.create_server((ip, 7002)):
        made.start()
        wait_for(lambda: "7002: Address already in use" in state().get("trouble", ""))
    wait_for(lambda: listens(place(made)) and state().get("trouble") == "")
