"""Who is let into the cluster, as the vault keeps it; and what is made of it.

    public/hosts/<host>    role, addresses, serial number and end of its certificate
    revoked/<serial>       the host that had it; goes when the certificate would have ended

Passwords are kept nowhere but on the hosts that say them: a master derives each from the cluster's
secret. What a registry lost, or brought back from long ago, is put right from a master's own copy.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography import x509

from arpanet import ABSENT, Admission, ArpanetError, Vault
from arpanet_identity.authority import Subject

__all__ = ["HOSTS", "REVOKED", "Entry", "Roster", "password", "read"]

HOSTS, REVOKED = "public/hosts/", "revoked/"


@dataclass(frozen=True)
class Entry:
    """A host that is let in.

    :ivar serial: of its newest certificate, hexadecimal.
    :ivar ends: when that ends, in seconds since the epoch.
    :ivar generation: another one each time it was let in: its former passwords hold no more.
    :ivar key: the fingerprint of its public key: who has it may ask again.
    :ivar former: its earlier certificates that have not ended, as pairs of serial and end.
    """

    host: str
    role: str
    addresses: tuple[str, ...]
    serial: str
    ends: float
    generation: str
    key: str = ""
    former: tuple[tuple[str, float], ...] = ()

    def subject(self) -> Subject:
        """Return whom its certificate is for."""
        return Subject(self.host, self.role, self.addresses)

    def renewed(self, certificate: x509.Certificate) -> "Entry":
        """Return it with a new certificate of the same host."""
        now = time.time()
        former = tuple(one for one in self.certificates() if one[1] > now)
        serial, ends = f"{certificate.serial_number:x}", certificate.not_valid_after_utc.timestamp()
        return replace(self, serial=serial, ends=ends, former=former)

    def certificates(self) -> tuple[tuple[str, float], ...]:
        """Return all of its certificates that may hold still: serial number and end."""
        return (*self.former, *([(self.serial, self.ends)] if self.serial else []))


@dataclass(frozen=True)
class Roster:
    """All who are let in, by host, and the serial numbers that are shut out -> when they end."""

    hosts: Mapping[str, Entry]
    revoked: Mapping[str, float]

    def admissions(self, secret: bytes) -> list[Admission]:
        """Return what a registry's own authentication has to know."""
        return [
            Admission(one.host, one.role, one.addresses, password(secret, one))
            for one in self.hosts.values()
        ]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        hosts = {name: json.loads(_text(one)) for name, one in self.hosts.items()}
        return {"hosts": hosts, "revoked": dict(self.revoked)}


def password(secret: bytes, entry: Entry) -> str:
    """Return what a host says: 256 bits, which nobody who doesn't know the secret can tell."""
    words = f"{entry.host}\n{entry.generation}".encode()
    return hmac.new(secret, words, hashlib.sha256).hexdigest()


def read(vault: Vault, copy: Mapping[str, Any]) -> Roster:
    """Return the roster, and let the vault hold what it lost of *copy*, a master's own.

    Whoever was let in stays in, unless shut out; and whoever was shut out stays out.
    """
    now = time.time()
    revoked = {
        name.removeprefix(REVOKED): _ends(entry.value)
        for name, entry in vault.list(REVOKED).items()
    }
    for serial, ends in dict(copy.get("revoked", {})).items():
        if serial not in revoked and ends > now:
            revoked[serial] = ends
            _revoke(vault, serial, ends)
    hosts = listed(vault)
    for one in map(_entry, map(json.dumps, dict(copy.get("hosts", {})).values())):
        if one and one.host not in hosts and one.serial not in revoked:
            vault.write(HOSTS + one.host, _text(one), ABSENT)
            hosts[one.host] = one
    for one in list(hosts.values()):
        if one.serial in revoked:
            vault.delete(HOSTS + one.host)
            del hosts[one.host]
    return Roster(hosts, revoked)


def listed(vault: Vault) -> dict[str, Entry]:
    """Return who is let in, as any host may read it."""
    found = [_entry(one.value) for one in vault.list(HOSTS).values()]
    return {one.host: one for one in found if one}


def find(vault: Vault, host: str) -> Entry | None:
    """Return the entry of *host*."""
    found = vault.read(HOSTS + host)
    return _entry(found.value) if found else None


def write(vault: Vault, entry: Entry) -> None:
    """Let *entry* in, or let it have another certificate."""
    vault.write(HOSTS + entry.host, _text(entry))


def let_in(vault: Vault, entry: Entry) -> None:
    """Let *entry* in, a host that isn't yet.

    :raises ArpanetError: a host of that name is.
    """
    if not vault.write(HOSTS + entry.host, _text(entry), ABSENT):
        raise taken(entry.host)


def taken(host: str) -> ArpanetError:
    """Return the error for two hosts of one name."""
    return ArpanetError(
        f"another host of the name {host} is let in already",
        "give each host a HOSTNAME of its own; if that one is gone, or was made anew,"
        f" on a master: arpanet certs revoke {host}",
    )


def shut_out(vault: Vault, entry: Entry) -> None:
    """Let *entry* be nobody's: none of its certificates, nor its password, holds any more."""
    for serial, ends in entry.certificates():
        _revoke(vault, serial, ends)
    vault.delete(HOSTS + entry.host)


def _revoke(vault: Vault, serial: str, ends: float) -> None:
    vault.write(REVOKED + serial, repr(ends), ttl=max(60, int(ends - time.time()) + 3600))


def _text(entry: Entry) -> str:
    return json.dumps(asdict(entry), sort_keys=True)


def _entry(text: str) -> Entry | None:
    """Return what a text tells, ``None``: a later version's, or nonsense; it lets nobody in."""
    try:
        given = json.loads(text)
        return Entry(
            str(given["host"]),
            str(given["role"]),
            tuple(map(str, given["addresses"])),
            str(given["serial"]),
            float(given["ends"]),
            str(given["generation"]),
            str(given.get("key", "")),
            tuple((str(serial), float(ends)) for serial, ends in given.get("former", ())),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _ends(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
