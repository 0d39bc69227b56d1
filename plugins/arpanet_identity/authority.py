"""The cluster's CA: what it makes, from what. Pure.

Elliptic keys (P-256): a whole cluster's are made in milliseconds. A host's certificate has no
common name: once etcd asks for passwords, its JSON gateway takes no certificate that has one.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from arpanet import ArpanetError

__all__ = [
    "DAYS",
    "MASTER",
    "ROLES",
    "Authority",
    "Subject",
    "addresses",
    "as_key",
    "check",
    "check_host",
    "create",
    "fingerprint",
    "key_print",
    "names",
    "new_key",
    "pem",
    "read_key",
    "request",
    "requested",
]

ROLES = ("master", "slave")
#: What a master's certificate names beside its host: etcd's peers take no other.
MASTER = "master.arpanet"
#: Of a CA, and of a host's certificate.
CA_DAYS, DAYS = 3650.0, 365.0
#: Hosts' clocks differ, and are put back, by an hour where somebody took summer for winter: no host
#: may find that a certificate which was made just now is not valid yet. Of a short life, a quarter,
#: else two thirds of it would be over when it begins.
SKEW = timedelta(hours=2)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Subject:
    """Whom a certificate is for.

    :ivar host: its HOSTNAME.
    :ivar addresses: IP addresses that others may dial it at.
    """

    host: str
    role: str
    addresses: tuple[str, ...]

    def names(self) -> x509.SubjectAlternativeName:
        """Return what others may dial it by; itself, it dials at 127.0.0.1.

        :raises ArpanetError: see :func:`check_host`.
        """
        check_host(self.host)
        ips = map(ipaddress.ip_address, dict.fromkeys((*self.addresses, "127.0.0.1")))
        hosts = (self.host, *([MASTER] if self.role == "master" else []))
        return x509.SubjectAlternativeName([*map(x509.IPAddress, ips), *map(x509.DNSName, hosts)])


@dataclass(frozen=True)
class Authority:
    """A CA that can sign."""

    certificate: x509.Certificate
    key: Key

    def issue(self, subject: Subject, public: ec.EllipticCurvePublicKey, days: float = DAYS) -> str:
        """Return a certificate for *subject*'s key, as PEM."""
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            _builder(_name(subject.role), self.certificate.subject, public, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            # etcd's gateway dials etcd with the certificate that it serves with
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(subject.names(), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return pem(made)

    def revoke(self, serials: Iterable[int]) -> str:
        """Return the list of the certificates that hold no more, as PEM."""
        now = datetime.now(UTC)
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - SKEW)
            .next_update(now + timedelta(days=CA_DAYS))
        )
        for serial in sorted(serials):
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            made = made.add_revoked_certificate(revoked.build())
        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def create(days: float = CA_DAYS) -> Authority:
    """Return a new CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    # two of a cluster, while it changes from one to the other, must not have the same name
    name = _name("ca", key_print(key.public_key())[:16])
    made = (
        _builder(name, name, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(made, key)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return what a CA is known by: 64 hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def new_key() -> str:
    """Return a new private key, as PEM."""
    return pem(ec.generate_private_key(ec.SECP256R1()))


def read_key(text: str) -> Key:
    """Return the key of a PEM text.

    :raises ArpanetError: it holds none that is used here.
    """
    try:
        found = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise ArpanetError("that is no private key") from problem
    return as_key(found)


def as_key(key: object) -> Key:
    """Return *key* if it is one that is used here.

    :raises ArpanetError: it is of another kind.
    """
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ArpanetError("that is no elliptic key")
    return key


def request(key: str) -> str:
    """Return the signing request of a private key, as PEM: the proof that who asks has it."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "arpanet")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name)
    return pem(made.sign(read_key(key), hashes.SHA256()))


def requested(text: str) -> ec.EllipticCurvePublicKey:
    """Return the public key of a signing request; nothing else in it is looked at.

    :raises ArpanetError: it is none, or its key is not one that is signed here.
    """
    try:
        found = x509.load_pem_x509_csr(text.encode())
        key = found.public_key()
        valid = found.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as problem:
        raise ArpanetError("that is no signing request") from problem
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, CURVES):
        raise ArpanetError("the key of a signing request must be elliptic: P-256 or longer")
    if not valid:
        raise ArpanetError("the signing request is not signed by its own key")
    return key


def check(certificate: str, authorities: str, key: Key) -> None:
    """Refuse a certificate that its host could not use.

    :raises ArpanetError: it is none, is not *key*'s, or none of *authorities* made it.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate.encode())
        trusted = x509.load_pem_x509_certificates(authorities.encode())
    except ValueError as problem:
        raise ArpanetError("the answer holds no certificate") from problem
    if found.public_key() != key.public_key():
        raise ArpanetError("the certificate in the answer is for another key")
    for one in trusted:
        with suppress(ValueError, TypeError, InvalidSignature):
            return found.verify_directly_issued_by(one)
    raise ArpanetError("the certificate in the answer is not of the CA that came with it")


def key_print(key: ec.EllipticCurvePublicKey) -> str:
    """Return what a public key is known by: 64 hexadecimal digits."""
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key.public_bytes(*form)).hexdigest()


def check_host(host: str) -> None:
    """Refuse a name by which a host could be taken for a master.

    :raises ArpanetError: it is one.
    """
    if host.lower().rstrip(".") == MASTER:
        raise ArpanetError(f"{host} names every master", "give this host another HOSTNAME")


def names(certificate: x509.Certificate) -> list[str]:
    """Return the names that others may know its owner by; addresses are not among them."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def addresses(certificate: x509.Certificate) -> list[str]:
    """Return the addresses that its owner may be dialled at."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(map(str, found.value.get_values_for_type(x509.IPAddress)))


def pem(thing: x509.Certificate | x509.CertificateSigningRequest | Key) -> str:
    """Return *thing* as PEM."""
    if isinstance(thing, ec.EllipticCurvePrivateKey):
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return thing.private_bytes(*form).decode()
    return thing.public_bytes(Encoding.PEM).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: float
) -> x509.CertificateBuilder:
    now, life = datetime.now(UTC), timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - min(SKEW, life / 4))
        .not_valid_after(now + life)
    )


def _name(*units: str) -> x509.Name:
    rest: Sequence[x509.NameAttribute[str]] = [
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units
    ]
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "arpanet"), *rest])


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
