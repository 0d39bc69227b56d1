"""Certificates and passwords of simulated hosts, on disk as every process of arpanet reads them."""

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from arpanet import Identity

__all__ = ["Papers"]

_LIFE = datetime.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey


class Papers:
    """A CA, and a directory for each host that it knows, below *place*."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("bench's ca")
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._ca = self._made(self._name, self._key, [(constraints, True)])

    def of(self, host: str, names: Iterable[str] = ()) -> Identity:
        """Make those of *host*, which is at 127.0.0.1 and by *names*; its password is its name."""
        key = ec.generate_private_key(ec.SECP256R1())
        where = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        alternatives = [where, *map(x509.DNSName, (host, *names))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        extensions = [
            (x509.SubjectAlternativeName(alternatives), False),
            (x509.ExtendedKeyUsage(uses), False),
        ]
        made = Identity(self._place / host, host)
        made.host.mkdir(parents=True)
        made.ca.write_bytes(self._ca.public_bytes(Encoding.PEM))
        # no common name: etcd's JSON gateway takes no certificate that has one with a password
        made.certificate.write_bytes(
            self._made(_name("bench"), key, extensions).public_bytes(Encoding.PEM)
        )
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for path, text in ((made.key, key.private_bytes(*form)), (_password(made), host.encode())):
            path.touch(0o600)
            path.write_bytes(text)
        return made

    def _made(
        self, subject: x509.Name, key: Key, extensions: list[tuple[x509.ExtensionType, bool]]
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _LIFE)
            .not_valid_after(now + _LIFE)
        )
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(self._key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)])


def _password(made: Identity) -> Path:
    return made.host / "password"
