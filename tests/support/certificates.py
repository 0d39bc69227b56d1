"""Certificates for another time than now."""

from datetime import datetime

from arpanet_identity import authority
from arpanet_identity.authority import Authority
from cryptography import x509
from cryptography.hazmat.primitives import hashes

__all__ = ["holding"]


def holding(mine: Authority, found: x509.Certificate, begin: datetime, end: datetime) -> str:
    """Return the same certificate as *found*, for another time, as PEM."""
    made = (
        x509.CertificateBuilder()
        .subject_name(found.subject)
        .issuer_name(found.issuer)
        .public_key(found.public_key())
        .serial_number(found.serial_number)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for one in found.extensions:
        made = made.add_extension(one.value, one.critical)
    return authority.pem(made.sign(mine.key, hashes.SHA256()))
