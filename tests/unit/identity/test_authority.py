"""What a CA signs, and what it does not."""

import datetime

import pytest
from arpanet_identity import authority
from arpanet_identity.authority import Subject
from arpanet_identity.renewal import due
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from arpanet.errors import ArpanetError

SLAVE = Subject("h1", "slave", ("10.0.0.1",))


@pytest.fixture(scope="module")
def ca():
    return authority.create()


@pytest.fixture(scope="module")
def key():
    return authority.read_key(authority.new_key())


def certificate(ca, key, subject=SLAVE, days=365.0):
    return x509.load_pem_x509_certificate(ca.issue(subject, key.public_key(), days).encode())


def extension(found, kind):
    return found.extensions.get_extension_for_class(kind).value


def test_a_certificate_is_for_its_host_and_addresses(ca, key):
    found = certificate(ca, key)
    names = extension(found, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["h1"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == [
        "10.0.0.1",
        "127.0.0.1",
    ]
    found.verify_directly_issued_by(ca.certificate)


def test_only_a_masters_names_a_master(ca, key):
    assert authority.MASTER not in authority.names(certificate(ca, key))
    master = certificate(ca, key, Subject("h1", "master", ("10.0.0.1",)))
    assert authority.MASTER in authority.names(master)


def test_etcds_gateway_takes_it(ca, key):
    """It serves and dials with the same certificate, which has no common name."""
    found = certificate(ca, key)
    assert len(list(extension(found, x509.ExtendedKeyUsage))) == 2
    assert found.subject.get_attributes_for_oid(NameOID.COMMON_NAME) == []


def test_it_signs_nothing_itself(ca, key):
    assert not extension(certificate(ca, key), x509.BasicConstraints).ca


def test_it_ends_when_it_should(ca, key):
    found = certificate(ca, key, days=0.5)
    life = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=11) < life <= datetime.timedelta(hours=12)


def test_nothing_of_a_request_but_its_key_is_signed(ca, key):
    names = [x509.DNSName(authority.MASTER), x509.DNSName("h2")]
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = authority.requested(asked.public_bytes(Encoding.PEM).decode())
    found = x509.load_pem_x509_certificate(ca.issue(SLAVE, public).encode())
    assert authority.names(found) == ["h1"]
    assert not extension(found, x509.BasicConstraints).ca
    assert found.public_key() == key.public_key()


def test_a_request_tells_its_key(key):
    assert authority.requested(authority.request(authority.pem(key))) == key.public_key()


def signed(with_key):
    name = x509.Name([])
    made = x509.CertificateSigningRequestBuilder().subject_name(name)
    return made.sign(with_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def forged():
    """One whose signature is another key's."""
    text = signed(ec.generate_private_key(ec.SECP256R1()))
    raw = x509.load_pem_x509_csr(text.encode()).public_bytes(Encoding.DER)
    other = x509.load_der_x509_csr(raw[:-1] + bytes([raw[-1] ^ 1]))
    return other.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no signing request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "no sign"),
        (lambda: signed(rsa.generate_private_key(65537, 2048)), "must be elliptic"),
        (lambda: signed(ec.generate_private_key(ec.SECP192R1())), "must be elliptic"),
        (forged, "not signed by its own key"),
    ],
)
def test_what_is_no_request_is_refused(text, why):
    with pytest.raises(ArpanetError, match=why):
        authority.requested(text() if callable(text) else text)


def test_a_list_names_those_that_hold_no_more(ca):
    found = x509.load_pem_x509_crl(ca.revoke([7, 9]).encode())
    assert sorted(one.serial_number for one in found) == [7, 9]
    assert found.is_signature_valid(ca.certificate.public_key())
    assert list(x509.load_pem_x509_crl(ca.revoke([]).encode())) == []


def test_two_authorities_differ_by_name(ca):
    assert authority.create().certificate.subject != ca.certificate.subject


def test_a_host_takes_no_certificate_of_another_ca(ca, key):
    text = authority.pem(certificate(ca, key))
    own, other = authority.pem(ca.certificate), authority.pem(authority.create().certificate)
    authority.check(text, other + own, key)
    with pytest.raises(ArpanetError, match="not of the CA that came with it"):
        authority.check(text, other, key)


def test_a_new_one_holds_on_hosts_whose_clocks_were_put_back_by_an_hour(ca, key):
    an_hour_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    assert certificate(ca, key).not_valid_before_utc < an_hour_ago
    assert ca.certificate.not_valid_before_utc < an_hour_ago


def test_a_short_life_is_not_over_when_it_begins(ca, key):
    """It is renewed at two thirds, and begins a little before it was made."""
    now = datetime.datetime.now(datetime.UTC)
    found = certificate(ca, key, days=60 / 86400)
    assert not due(found, now + datetime.timedelta(seconds=25))
    assert due(found, now + datetime.timedelta(seconds=45))
    assert found.not_valid_before_utc < now
