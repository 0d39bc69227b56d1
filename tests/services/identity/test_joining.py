"""Joining over real sockets and real TLS: who is who, before anything secret is said."""

import json
import re
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import urllib3
from arpanet_identity import authority, client, enrolment, host, roster, server, tokens
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.server import EACH, LIMIT, Deeds, Server
from arpanet_identity.store import Store

from arpanet import MemoryVault, hostport
from arpanet.errors import ArpanetError, RegistryUnreachable, UsageError
from tests.support.certificates import holding
from tests.support.loopback import free_address
from tests.support.stand_in import stand_in
from tests.support.versions import refusal


class Master:
    """A cluster's first, and only, with its enrolment."""

    def __init__(self, directory, days=365.0):
        self.ip, self.vault, self.store = free_address(), MemoryVault(), Store(directory)
        enrolment.found(self.store, Subject("m1", "master", (self.ip,)))
        self.enrolment = Enrolment(self.store, self.vault, lambda _: None, days)
        self.enrolment.roster()
        self.secrets = []
        deeds = Deeds(self.ca, self.join, self.renew)
        self.server = Server((self.ip, 0), self.store.me.server, deeds)
        self.port = self.server.server_address[1]
        self.place = f"{self.ip}:{self.port}"

    def ca(self):
        return "".join(map(authority.pem, self.store.trusted()))

    def join(self, given, source):
        self.secrets.append(given.get("secret"))
        # where the whole of 127/8 is this host's, a client's own address is its master's
        return self.enrolment.join({**given, "addresses": [source]}, source)

    def renew(self, shown, key, _given):
        return self.enrolment.renew(f"{shown.serial_number:x}", key)

    def token(self, role="slave", **more):
        mine = self.enrolment.authority().certificate
        return tokens.create(self.vault, authority.fingerprint(mine), role, **more)


@pytest.fixture
def make(tmp_path):
    made = []

    def make(name="one", **more):
        made.append(Master(tmp_path / name, **more))
        return made[-1]

    yield make
    for one in made:
        one.server.close()


@pytest.fixture
def master(make):
    return make()


def ask(master, token, name="h2", kept=None):
    key = kept.key() if kept else authority.new_key()
    return client.join(master.place, token, name, ("127.0.0.1",), authority.request(key))


def member(master, directory):
    """A host that was let in."""
    kept = Store(directory)
    host.adopt(kept, ask(master, master.token(), kept=kept))
    return kept


def test_a_host_is_let_in(master, tmp_path):
    kept = member(master, tmp_path / "h2")
    kept.me.check()
    assert host.role(kept) == "slave"
    assert len(kept.me.password) == 64


def test_a_token_used_twice_lets_one_in(master):
    token = master.token()
    ask(master, token)
    with pytest.raises(ArpanetError, match="says: that token is used up"):
        ask(master, token, "h3")


def test_at_the_same_moment_too(master):
    token = master.token()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, master, token, f"h{number}") for number in range(8)]
    assert sum(one.exception() is None for one in asked) == 1
    assert len(master.enrolment.roster().hosts) == 2


@pytest.mark.parametrize("how", ["revoked", "late"])
def test_a_token_that_lets_nobody_in(master, how, monkeypatch):
    token = master.token()
    if how == "revoked":
        tokens.revoke(master.vault, token.id)
    else:
        later = time.time() + 7200
        stand_in(monkeypatch, tokens, "time", time=lambda: later)
    with pytest.raises(ArpanetError, match="used up, too old, revoked"):
        ask(master, token)


def test_a_token_of_another_cluster_is_not_told_to_this_one(make):
    one, other = make("one"), make("other")
    with pytest.raises(ArpanetError, match="is not of the cluster that made this token"):
        ask(one, other.token())
    assert one.secrets == []


def test_who_is_in_the_middle_hears_no_secret(make):
    """It passes on the true CA, which is no secret, but has no certificate of it."""
    master, thief = make("one"), make("thief")
    thief.server.deeds.ca = master.ca
    token = master.token()
    with pytest.raises(ArpanetError, match="can't be trusted: its certificate is refused here"):
        ask(thief, token)
    assert thief.secrets == []
    assert tokens.check(master.vault, token.id, token.secret)


def test_a_slave_can_not_pretend_to_be_a_master(master, tmp_path):
    stolen = member(master, tmp_path / "h2")
    heard = []
    deeds = Deeds(master.ca, lambda given, _: heard.append(given), None)
    thief = Server((free_address(), 0), stolen.me.server, deeds)
    try:
        place = f"{thief.server_address[0]}:{thief.server_address[1]}"
        with pytest.raises(ArpanetError, match="can't be trusted"):
            client.join(place, master.token(), "h3", ("127.0.0.1",), "")
    finally:
        thief.close()
    assert heard == []


@pytest.mark.parametrize(
    ("days", "words"),
    [((1, 2), "clock is 2160 minutes behind the master's"), ((-2, -1), "2160 minutes ahead of")],
)
def test_a_wrong_clock_is_told_as_such(master, days, words, monkeypatch):
    """This host's can't be put wrong: the master's is, and it shows a certificate of its time."""
    kept, now = master.store, datetime.now(UTC)
    begin, end = (now + timedelta(days=number) for number in days)
    kept.adopt(
        holding(master.enrolment.authority(), kept.certificate(), begin, end),
        master.ca(),
        master.enrolment.authority().revoke(()),
    )
    middle = begin + (end - begin) / 2
    monkeypatch.setattr(
        server._Handler, "date_time_string", lambda *_: format_datetime(middle, usegmt=True)
    )
    with pytest.raises(ArpanetError, match=words):
        ask(master, master.token())


def raw(master, secure=True, source="0.0.0.0"):
    plain = socket.create_connection((master.ip, master.port), 5, (source, 0))
    return believing().wrap_socket(plain) if secure else plain


def believing():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_tls_before_1_2_is_not_spoken(master):
    assert refusal(believing(), master.ip, master.port, "TLSv1_2") == ""
    said = refusal(believing(), master.ip, master.port, "TLSv1_1")
    assert said == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_plain_http_is_not_answered(master):
    with raw(master, secure=False) as plain:
        plain.sendall(b"GET /v1/ca HTTP/1.0\r\n\r\n")
        received = b""
        try:
            while data := plain.recv(4096):
                received += data
        except ConnectionResetError:
            pass
    assert b"HTTP" not in received


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (f"POST /v1/join HTTP/1.0\r\nContent-Length: {10 * 1024 * 1024}\r\n\r\n", 403),
        (f"POST /v1/join HTTP/1.0\r\nContent-Length: {LIMIT + 1}\r\n\r\n", 403),
        ("POST /v1/join HTTP/1.0\r\n\r\n", 403),
        ("POST /v1/join HTTP/1.0\r\nContent-Length: -1\r\n\r\n", 403),
        ("POST /v1/join HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]", 403),
        ("POST /v1/join HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", 403),
        ("POST /v1/renew HTTP/1.0\r\n\r\n", 403),
        ("POST /v1/else HTTP/1.0\r\n\r\n", 404),
        ("GET / HTTP/1.0\r\n\r\n", 404),
    ],
)
def test_what_makes_no_sense_is_answered_in_a_line(master, head, code):
    with raw(master) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert f" {code} ".encode() in status.splitlines()[0]
    assert set(json.loads(body)) <= {"error", "hint"}


def test_who_says_nothing_holds_up_nobody(master):
    """Not with all the connections that one address may have."""
    silent = [raw(master, secure=False, source="127.0.0.9") for _ in range(2 * EACH)]
    assert ask(master, master.token())["role"] == "slave"
    for one in silent:
        one.close()


def test_who_says_it_slowly_is_hung_up_on(master, monkeypatch):
    monkeypatch.setattr(server, "LONGEST", 0.5)
    with raw(master) as slow:
        slow.sendall(b"POST /v1/join HTTP/1.0\r\nContent-Length: 9\r\n\r\n")
        with pytest.raises(OSError, match=r"EOF|reset|Broken pipe"):
            while slow.recv(1) or True:
                slow.sendall(b"[")


def test_what_goes_wrong_in_a_master_is_an_answer(master, caplog):
    def broken(_given, _source):
        raise ZeroDivisionError

    master.server.deeds.join = broken
    with pytest.raises(ArpanetError, match="says: it failed, and its log says more"):
        ask(master, master.token())
    assert "ZeroDivisionError" in caplog.text


def test_who_guesses_is_not_listened_to_for_long(master, tmp_path):
    kept = member(master, tmp_path / "h9")
    token = master.token()
    wrong = tokens.Token(token.id, "0" * 40, token.authority)
    for _ in range(10):
        with pytest.raises(ArpanetError, match="used up"):
            ask(master, wrong)
    with pytest.raises(ArpanetError, match="too many failed tries"):
        ask(master, token)
    # who has a certificate already is not held up by who guesses, at whatever address
    host.adopt(kept, client.renew(master.place, kept.me))


def test_a_certificate_is_renewed_by_who_has_it(master, tmp_path):
    kept = member(master, tmp_path / "h2")
    before = kept.certificate()
    host.adopt(kept, client.renew(master.place, kept.me))
    assert kept.certificate().serial_number != before.serial_number
    assert kept.certificate().public_key() == before.public_key()
    kept.me.check()


def test_without_one_nothing_is_renewed(master):
    context = ssl.create_default_context(cadata=master.ca())
    pool = urllib3.HTTPSConnectionPool(
        master.ip, master.port, ssl_context=context, server_hostname=authority.MASTER
    )
    answer = pool.request("POST", "/v1/renew", assert_same_host=False)
    pool.close()
    assert answer.status == 403
    assert "no certificate was shown" in answer.json()["error"]


def test_nor_with_one_of_another_cluster(make, tmp_path):
    stranger = member(make("other"), tmp_path / "x")
    master = make("one")
    stranger.me.ca.write_text(master.ca())
    with pytest.raises(ArpanetError, match="refuses this host's certificate: unknown ca"):
        client.renew(master.place, stranger.me)


@pytest.mark.parametrize(
    ("days", "why"), [((-2, -1), "certificate expired"), ((1, 2), "bad certificate")]
)
def test_nor_with_one_that_does_not_hold_now(master, tmp_path, days, why):
    kept, now = member(master, tmp_path / "h2"), datetime.now(UTC)
    begin, end = (now + timedelta(days=number) for number in days)
    kept.me.certificate.write_text(
        holding(master.enrolment.authority(), kept.certificate(), begin, end)
    )
    with pytest.raises(ArpanetError, match=f"refuses this host's certificate: {why}"):
        client.renew(master.place, kept.me)


def test_nor_with_one_that_was_revoked(master, tmp_path):
    kept = member(master, tmp_path / "h2")
    roster.shut_out(master.vault, "h2")
    with pytest.raises(ArpanetError, match="this host's certificate is nobody's any more"):
        client.renew(master.place, kept.me)


def test_two_masters_ask_at_once(master):
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask, master, master.token("master"), name) for name in ("m2", "m3")]
    assert all(one.result()["authority"] for one in asked)
    assert set(master.enrolment.roster().hosts) == {"m1", "m2", "m3"}


def test_nobody_there(master):
    with socket.socket() as one:
        one.bind((free_address(), 0))
        place = f"{one.getsockname()[0]}:{one.getsockname()[1]}"
    with pytest.raises(RegistryUnreachable, match="connection refused; is its address right"):
        client.join(place, master.token(), "h2", ("127.0.0.1",), "")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("255.255.255.255", r"network is unreachable|permission denied"),
        ("nosuch.invalid", r"[a-z][a-z ]+"),
    ],
)
def test_where_nobody_can_be_reached_that_is_said_in_words(master, address, words):
    """By the kernel's or the resolver's own, without a number or the name of an exception."""
    with pytest.raises(RegistryUnreachable) as said:
        client.join(address, master.token(), "h2", ("127.0.0.1",), "")
    assert re.fullmatch(f"no master answers at {address}:7002: ({words})", said.value.message)
    assert said.value.hint == "is its address right, and is port 7002 open?"


def test_a_master_that_says_nothing(master, monkeypatch):
    monkeypatch.setattr(client, "PATIENCE", 0.2)
    with socket.create_server((free_address(), 0)) as listener:
        place = hostport.joined(*listener.getsockname())
        with pytest.raises(RegistryUnreachable, match=f"answers at {place}: timed out; is its"):
            client.join(place, master.token(), "h2", ("127.0.0.1",), "")


def test_something_else_there(master):
    with socket.create_server((free_address(), 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        place = f"{listener.getsockname()[0]}:{listener.getsockname()[1]}"
        with pytest.raises(
            ArpanetError, match=r"no master's enrolment; .* ARPANET_ENROL_PORT, 7002"
        ):
            client.join(place, master.token(), "h2", ("127.0.0.1",), "")
        thread.join()


@pytest.mark.parametrize("place", ["", "a b", "h:99999", "h:x"])
def test_what_is_no_address(master, place):
    with pytest.raises(UsageError, match="no address of a master"):
        client.join(place, master.token(), "h2", ("127.0.0.1",), "")
