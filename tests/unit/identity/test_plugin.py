"""What the plugin does when roles start and stop, and what it says of this host."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from arpanet_identity import authority, host, node, plugin, tokens
from arpanet_identity.plugin import IdentityPlugin

from arpanet.errors import SettingsError
from arpanet.records import Formation
from arpanet.registry import MemoryRegistry
from arpanet.settings import Settings, Source
from tests.support.admissions import Admitting
from tests.support.certificates import holding
from tests.support.loopback import free_address

BOOT, JOIN = Formation(boot=True), Formation(peers=("10.0.0.2:7001",))


@pytest.fixture
def registry():
    return Admitting()


@pytest.fixture
def make(arpanet_context, registry, tmp_path, monkeypatch):
    monkeypatch.setattr(node, "node_image", lambda _: "arpanet/node:1")
    monkeypatch.setattr(node, "LISTENS", 0.0)  # no agent runs

    def make(name="h1", **given):
        given = {"ARPANET_TLS": "on", "ARPANET_IDENTITY": str(tmp_path / name), **given}
        return arpanet_context(IdentityPlugin(), registry, HOSTNAME=name, **given)

    return make


@pytest.fixture
def master(make):
    made = make()
    made.emit("master.start", formation=BOOT)
    return made


def admitted(master, context, role):
    """Let the host of *context* in by a token."""
    kept = host.store(context)
    token = tokens.create(master.bus.first("arpanet_vault", context=master), "ab" * 32, role)
    given = {"id": token.id, "secret": token.secret, "addresses": ["127.0.0.1"]}
    given |= {"host": host.subject(context, "").host, "request": authority.request(kept.key())}
    there = host.enrolment(master, host.store(master), host.vault(master))
    host.adopt(kept, there.join(given, "127.0.0.1"))


def states(context):
    answers = context.bus.collect("arpanet_status", context=context)
    return {line.part: (line.state, line.detail) for _, answer in answers for line in answer}


def test_the_first_master_makes_all_that_it_needs(master, registry, tmp_path):
    assert registry.admitted == [{"h1": "master"}]
    (spec,) = master.docker.ensured
    assert (spec.name, spec.role, spec.command) == ("arpanet_master", "master", ("agent", "master"))
    assert spec.volumes[str(tmp_path / "h1")] == str(tmp_path / "h1")
    made, said = master.said[0], master.said[-1]
    assert made == f"made the cluster's CA, and this host's certificate, in {tmp_path / 'h1'}"
    (line,) = [one for one in said.splitlines() if "arpanet join" in one]
    assert line.startswith("  arpanet join 127.0.0.1:7002 --token ")
    token = tokens.parse(line.rpartition(" ")[2])
    assert tokens.check(registry.vault, token.id, token.secret)[0].role == "slave"


def test_install_makes_the_image_that_a_master_lets_hosts_in_with(make, monkeypatch):
    made = []
    monkeypatch.setattr(node, "node_image", made.append)
    for one in (context := make()), make(ARPANET_TLS="off"):
        for role in ("core", "slave", "master"):
            one.emit("install", role=role)
    assert made == [context]


def test_started_again_it_invites_nobody(master, registry):
    ca = host.store(master).authority().certificate
    master.said.clear()
    master.emit("master.start", formation=BOOT)
    assert host.store(master).authority().certificate == ca
    assert not any("join" in line for line in master.said)
    assert len(list(tokens.kept(registry.vault))) == 1


def test_a_stranger_becomes_no_master_by_naming_peers(make):
    context = make()
    with pytest.raises(SettingsError, match=r"not let in yet; .*token create --role master"):
        context.emit("master.start", formation=JOIN)
    assert context.docker.did == []


@pytest.mark.parametrize("peers", [(), JOIN.peers])
def test_nor_by_a_token_that_another_has_taken(make, peers):
    """Nor where it was left to the data, of a time without certificates."""
    context = make()
    with pytest.raises(SettingsError, match="not let in yet"):
        context.emit("master.start", formation=Formation(peers=peers, token="etcd://10.0.0.2/x"))
    assert context.docker.did == []


def test_who_takes_a_token_is_the_first_as_who_boots(make):
    context = make()
    context.emit("master.start", formation=Formation(boot=True, token="etcd://10.0.0.2:4001/x"))
    assert context.said[0].startswith("made the cluster's CA")
    assert "  arpanet join 127.0.0.1:7002 --token " in context.said[-1]


def test_nor_a_slave(make):
    context = make()
    with pytest.raises(SettingsError, match=r"not let in yet; .*token create --role slave"):
        context.emit("slave.start")
    assert states(context)["identity"][0] == "absent"


def test_who_was_let_in_as_a_slave_becomes_one_and_no_master(master, make):
    slave = make("h2")
    admitted(master, slave, "slave")
    slave.emit("slave.start")
    with pytest.raises(SettingsError, match="let in as a slave, and masters take no peer that is"):
        slave.emit("master.start", formation=JOIN)
    assert set(states(slave)) == {"identity"}
    assert states(slave)["identity"][1].startswith("a slave's certificate, until")


def test_a_second_master_lets_hosts_in_too(master, make, registry):
    second = make("h2")
    admitted(master, second, "master")
    second.emit("master.start", formation=JOIN)
    assert registry.admitted[-1] == {"h1": "master", "h2": "master"}
    assert [spec.name for spec in second.docker.ensured] == ["arpanet_master"]
    assert not any("join" in line for line in second.said)


def test_a_stopped_master_lets_nobody_in(master):
    master.registry = MemoryRegistry()
    for agent in ("master", "registrator"):
        master.registry.presence("h1", agent, lambda: True)
    master.emit("master.stop", leave=False)
    assert master.docker.did[-1] == "remove master"
    assert set(master.registry.silences()) == {("h1", "registrator")}


def test_a_key_that_others_may_read_is_not_used(master):
    host.store(master).me.key.chmod(0o644)
    with pytest.raises(SettingsError, match="others may read"):
        master.emit("slave.start")
    assert states(master)["identity"][0] == "down"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("HOSTNAME", "h9", "this host was let in as h1, and HOSTNAME is h9; set it back"),
        ("ARPANET_IP", "10.9.9.9", "does not name its address: ARPANET_IP is 10.9.9.9; set it"),
    ],
)
@pytest.mark.parametrize("event", ["master.start", "slave.start"])
def test_who_was_let_in_is_nobody_else(master, monkeypatch, event, name, text, words):
    monkeypatch.setattr(plugin.addresses, "check_local", lambda _: None)
    given = {**master.settings.explicit(), name: text}
    sources = {key: Source(value, "option") for key, value in given.items()}
    master.settings = Settings(master.settings, sources)
    with pytest.raises(SettingsError, match=words):
        master.emit(event, **({"formation": BOOT} if event == "master.start" else {}))


@pytest.mark.parametrize("event", ["master.start", "slave.start"])
def test_without_tls_it_says_so_each_time(make, event):
    context = make(ARPANET_TLS="off")
    context.emit(event, **({"formation": BOOT} if event == "master.start" else {}))
    assert context.said == [plugin.OPEN]
    assert states(context) == {"identity": ("ok", plugin.OPEN)}


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        ((-100, 265), "ok", "a master's certificate, until"),
        ((-352, 13), "degraded", "and it was not renewed: 'arpanet certs renew' says why"),
        ((-5, 2), "ok", "until"),
        ((-6, 1), "degraded", "and it was not renewed"),
        ((-366, -1), "down", "which is over: is the clock right?"),
        ((1, 366), "down", "not valid yet: is the clock right?"),
    ],
)
def test_status_warns_in_time(master, days, state, words):
    kept = host.store(master)
    kept.me.certificate.write_text(dated(kept, kept.certificate(), days))
    found, detail = states(master)["identity"]
    assert (found, words in detail) == (state, True), detail


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        ((-3635, 15), "ok", "a master's certificate, until"),
        ((-3637, 13), "degraded", "run 'arpanet certs rotate' on a master before that"),
        ((-3651, -1), "down", "the cluster's CA ended at"),
    ],
)
def test_and_before_the_ca_ends(master, days, state, words):
    """A certificate that is renewed and one that is over: it is the CA that has to be changed."""
    kept = host.store(master)
    former = dated(kept, kept.authority().certificate, days)
    kept.me.ca.write_text(kept.me.ca.read_text() + former)  # also while it is being changed
    for own in ((-1, 364), *([(-366, -1)] if state != "ok" else [])):
        kept.me.certificate.write_text(dated(kept, kept.certificate(), own))
        found, detail = states(master)["identity"]
        assert (found, words in detail) == (state, True), detail


def dated(kept, found, days):
    begin, end = (datetime.now(UTC) + timedelta(days=number) for number in days)
    return holding(kept.authority(), found, begin, end)


def test_a_master_has_started_once_others_can_be_let_in(make, monkeypatch):
    """The line that it prints may be run at once: here the agent takes its time."""
    monkeypatch.setattr(node, "LISTENS", 60.0)
    ip, port = free_address(), 7002
    listening: list[socket.socket] = []
    begin = threading.Timer(0.3, lambda: listening.append(socket.create_server((ip, port))))
    begin.start()
    make(ARPANET_IP=ip).emit("master.start", formation=BOOT)
    assert listening
    listening[0].close()
