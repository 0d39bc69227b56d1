"""Who is let into the cluster, as the vault keeps it; and what is made of it.

    public/hosts/<host>    role, addresses, serial number and end of its certificate
    revoked/<serial>       the host that had it; goes when the certificate would have ended
    public/services/<name> whose a reserved name is; others write it, and it is put back here
    released/<name>        a reserved name that was given back, lest somebody puts it back

Passwords are kept nowhere but on the hosts that say them: a master derives each from the cluster's
secret. What a registry lost, or brought back from long ago, is put right from a master's own copy.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cryptography import x509

from arpanet import ABSENT, Admission, ArpanetError, Vault, codec
from arpanet_identity import ranges
from arpanet_identity.authority import Subject

__all__ = [
    "HOSTS",
    "MOST",
    "REVOKED",
    "Entry",
    "Roster",
    "allow",
    "find",
    "listed",
    "password",
    "read",
    "shut_out",
    "taken",
    "write",
]

HOSTS, REVOKED = "public/hosts/", "revoked/"
NAMES, RELEASED = "public/services/", "released/"
#: How many certificates that have not ended a host may have: a value in a registry has its limits.
MOST = 100


@dataclass(frozen=True)
class Entry:
    """A host that is let in.

    :ivar addresses: its own, and the networks that its instances may be in (:mod:`.ranges`).
    :ivar serial: of its newest certificate, hexadecimal.
    :ivar ends: when that ends, in seconds since the epoch.
    :ivar generation: another one each time it was let in: its former passwords hold no more.
    :ivar key: the fingerprint of its public key: who has it may ask again.
    :ivar former: its earlier certificates that have not ended, as pairs of serial and end.
    :ivar shown: whose certificate it had, and whom it trusted, when it last asked for another.
    """

    host: str
    role: str
    addresses: tuple[str, ...]
    serial: str
    ends: float
    generation: str
    key: str = ""
    former: tuple[tuple[str, float], ...] = ()
    shown: tuple[str, ...] = ()

    def subject(self) -> Subject:
        """Return whom its certificate is for."""
        return Subject(self.host, self.role, ranges.split(self.addresses)[0])

    def ranges(self) -> tuple[str, ...]:
        """Return the networks that its instances may be in."""
        return ranges.split(self.addresses)[1]

    def allowed(self, networks: Iterable[str]) -> "Entry":
        """Return it with *networks* for its instances, and no others."""
        return replace(self, addresses=(*self.subject().addresses, *dict.fromkeys(networks)))

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
    """All who are let in, by host, and the serial numbers that are shut out -> when they end.

    :ivar names: reserved names -> what the vault has of each.
    """

    hosts: Mapping[str, Entry]
    revoked: Mapping[str, float]
    names: Mapping[str, str] = field(default_factory=dict)

    def admissions(self, secret: bytes) -> list[Admission]:
        """Return what a registry's own authentication has to know."""
        return [
            Admission(one.host, one.role, one.addresses, password(secret, one))
            for one in self.hosts.values()
        ]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        hosts = {name: codec.parse(_text(one)) for name, one in self.hosts.items()}
        return {"hosts": hosts, "revoked": dict(self.revoked), "names": dict(self.names)}


def password(secret: bytes, entry: Entry) -> str:
    """Return what a host says: 256 bits, which nobody who doesn't know the secret can tell."""
    words = f"{entry.host}\n{entry.generation}".encode()
    return hmac.new(secret, words, hashlib.sha256).hexdigest()


def read(vault: Vault, copy: Mapping[str, Any]) -> Roster:
    """Return the roster, and let the vault hold what it lost of *copy*, a master's own.

    Whoever was let in stays in, unless shut out; and whoever was shut out stays out.
    """
    now = time.time()
    names = _names(vault, dict(copy.get("names", {})))
    # in this order: who is shut out meanwhile is revoked first, and then gone
    hosts = listed(vault)
    revoked = {
        name.removeprefix(REVOKED): _ends(entry.value)
        for name, entry in vault.list(REVOKED).items()
    }
    for serial, ends in dict(copy.get("revoked", {})).items():
        if serial not in revoked and ends > now:
            revoked[serial] = ends
            _revoke(vault, serial, ends)
    for one in list(hosts.values()):
        if revoked.keys() & dict(one.certificates()):
            revoked.update(shut_out(vault, one.host))
            del hosts[one.host]
    for one in filter(None, map(_entry, map(json.dumps, dict(copy.get("hosts", {})).values()))):
        out = one.ends <= now or revoked.keys() & dict(one.certificates())
        if not out and _restored(vault, one, hosts.get(one.host)):
            hosts[one.host] = one
    return Roster(hosts, revoked, names)


def _names(vault: Vault, copy: Mapping[str, str]) -> dict[str, str]:
    """Return the reserved names, and let the vault hold those of *copy* that it lost."""
    found = {name.removeprefix(NAMES): one.value for name, one in vault.list(NAMES).items()}
    if lost := sorted(copy.keys() - found.keys()):
        released = vault.list(RELEASED)  # after the names: who releases one writes it before
        for name in lost:
            if RELEASED + name not in released and vault.write(NAMES + name, copy[name], ABSENT):
                found[name] = copy[name]
    return found


def _restored(vault: Vault, one: Entry, known: Entry | None) -> bool:
    """Have the vault hold *one*, of a master's copy, if it knows less; return whether it did."""
    if known is None:
        return vault.write(HOSTS + one.host, _text(one), ABSENT)
    if known.serial not in dict(one.former):
        return False
    now, version = find(vault, one.host)
    return now == known and write(vault, one, version)


def listed(vault: Vault) -> dict[str, Entry]:
    """Return who is let in, as any host may read it."""
    found = [_entry(one.value) for one in vault.list(HOSTS).values()]
    return {one.host: one for one in found if one}


def find(vault: Vault, host: str) -> tuple[Entry | None, int]:
    """Return the entry of *host* and its version in the vault; one that can't be read is none."""
    found = vault.read(HOSTS + host)
    return (_entry(found.value), found.version) if found else (None, ABSENT)


def write(vault: Vault, entry: Entry, version: int) -> bool:
    """Let *entry* in, or have another certificate; return whether it was at *version* still."""
    return vault.write(HOSTS + entry.host, _text(entry), version)


def allow(vault: Vault, host: str, networks: Iterable[str]) -> bool:
    """Let instances of *host* be in *networks*, and no others; return whether it is let in."""
    networks = tuple(networks)
    while True:
        entry, version = find(vault, host)
        if entry is None:
            return False
        if write(vault, entry.allowed(networks), version):
            return True


def taken(host: str) -> ArpanetError:
    """Return the error for two hosts of one name."""
    return ArpanetError(
        f"another host of the name {host} is let in already",
        "give each host a HOSTNAME of its own; if that one is gone, or was made anew,"
        f" on a master: arpanet certs revoke {host}",
    )


def shut_out(vault: Vault, host: str) -> dict[str, float]:
    """Let *host* be nobody's: none of its certificates, nor its password, holds any more.

    Its certificates are revoked before it is gone, so that of a renewal at the same moment nothing
    is left either: whoever reads an entry with a revoked certificate takes it for shut out.

    :returns: the serial numbers that hold no more -> when they would have ended.
    """
    revoked: dict[str, float] = {}
    while True:
        entry, version = find(vault, host)
        for serial, ends in entry.certificates() if entry else ():
            if serial not in revoked:
                revoked[serial] = ends
                _revoke(vault, serial, ends)
        if version == ABSENT or vault.delete(HOSTS + host, version):
            return revoked


def _revoke(vault: Vault, serial: str, ends: float) -> None:
    vault.write(REVOKED + serial, repr(ends), ttl=max(60, int(ends - time.time()) + 3600))


def _text(entry: Entry) -> str:
    return json.dumps(asdict(entry), sort_keys=True)


def _entry(text: str) -> Entry | None:
    """Return what a text tells, ``None``: a later version's, or nonsense; it lets nobody in."""
    try:
        given = codec.parse(text)
        return Entry(
            str(given["host"]),
            str(given["role"]),
            tuple(map(str, given["addresses"])),
            str(given["serial"]),
            float(given["ends"]),
            str(given["generation"]),
            str(given.get("key", "")),
            tuple((str(serial), float(ends)) for serial, ends in given.get("former", ())),
            tuple(map(str, given.get("shown", ()))),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _ends(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
