"""Certificates as no cluster makes them: for another time than now."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from arpanet_identity import authority
from arpanet_identity.authority import Authority, Subject
from cryptography import x509
from cryptography.hazmat.primitives import hashes

__all__ = ["holding", "issue"]


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


def issue(place: Path, mine: Authority, role: str, days: tuple[int, int] = (-1, 1)) -> int:
    """Write ``h2.pem`` and ``h2.key`` there, that hold from *days* on until; return its number."""
    key = authority.new_key()
    public = authority.read_key(key).public_key()
    subject = Subject("h2", role, ("127.0.0.1",))
    found = x509.load_pem_x509_certificate(mine.issue(subject, public).encode())
    begin, end = (datetime.now(UTC) + timedelta(days=number) for number in days)
    (place / "h2.pem").write_text(holding(mine, found, begin, end))
    (place / "h2.key").write_text(key)
    return found.serial_number
