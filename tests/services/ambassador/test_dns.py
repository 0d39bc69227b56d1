"""Names of links, asked of a real DNS server."""

import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from arpanet_ambassador.names.dns import LIFETIME, ask, ask_all

from tests.conftest import SLOW

ZONE = {
    ("db.example.", "A"): ["10.0.0.2", "10.0.0.1"],
    ("six.example.", "AAAA"): ["fd00::1"],
    ("_redis._tcp.example.", "SRV"): [
        "10 5 6379 db.example.",
        "10 5 6380 six.example.",
        "20 5 1 db.example.",
    ],
}


@pytest.fixture
def server(monkeypatch):
    """Answers from ZONE; names that begin with 'slow' are never answered."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))

    def serve():
        while data := udp.recvfrom(4096):
            if not data[0]:
                return
            query = dns.message.from_wire(data[0])
            question = query.question[0]
            name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
            if name.startswith("slow"):
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            if found := ZONE.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
            elif name not in {known for known, _ in ZONE}:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            udp.sendto(answer.to_wire(), data[1])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    real = dns.resolver.Resolver

    def resolver():
        one = real(configure=False)
        one.nameservers, one.port = ["127.0.0.1"], udp.getsockname()[1]
        return one

    monkeypatch.setattr(dns.resolver, "Resolver", resolver)
    yield
    udp.sendto(b"", udp.getsockname())
    thread.join(5)
    udp.close()


def test_every_address(server):
    assert ask(("db.example", 5432)) == (("10.0.0.1", 5432), ("10.0.0.2", 5432))
    assert ask(("six.example", 1)) == (("fd00::1", 1),)


def test_srv_records_of_the_best_priority(server):
    assert ask(("_redis._tcp.example", 0)) == (
        ("10.0.0.1", 6379),
        ("10.0.0.2", 6379),
        ("fd00::1", 6380),
    )


def test_no_such_name(server):
    assert "no answer for lost.example: The DNS query name does not exist" in ask(
        ("lost.example", 1)
    )


def test_a_stray_error_costs_the_others_nothing(server, monkeypatch):
    def resolver(real=dns.resolver.Resolver):
        one = real()
        if not seen:
            seen.append(one)
            one.resolve_name = lambda *_, **__: {}["a bug"]
        return one

    seen = []
    monkeypatch.setattr(dns.resolver, "Resolver", resolver)
    found = ask_all([("six.example", 1), ("db.example", 2)])
    assert sorted(str(one) for one in found.values())[-1].startswith("asking DNS for ")
    assert sum(isinstance(one, tuple) for one in found.values()) == 1


def test_silence_has_an_end(server):
    began = time.monotonic()
    assert "no answer for slow.example" in ask(("slow.example", 1))
    assert time.monotonic() - began < (LIFETIME + 2) * SLOW
