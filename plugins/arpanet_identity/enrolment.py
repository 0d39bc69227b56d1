"""Letting a host in, and giving it a new certificate: what a master decides, without the wire."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from arpanet import ABSENT, ArpanetError, Vault, kinds
from arpanet_identity import authority, ranges, roster, rotation, tokens
from arpanet_identity.authority import DAYS, Authority, Subject
from arpanet_identity.roster import Entry, Roster
from arpanet_identity.store import Store

__all__ = ["Enrolment", "Json", "found"]

Json = dict[str, Any]
#: How many addresses a host may ask for.
ADDRESSES = 16


@dataclass
class Enrolment:
    """A master's: signs with the CA on its disk for those whom the vault knows.

    :ivar admit: told all who are let in, before one that is new hears that it is.
    :ivar days: that a certificate holds.
    """

    store: Store
    vault: Vault
    admit: Callable[[Roster], None]
    days: float = DAYS
    _settling: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _shut_out: Set[str] | None = None

    def authority(self) -> Authority:
        """Return the CA.

        :raises ArpanetError: this host has none.
        """
        mine = self.store.authority()
        if mine is None:
            raise ArpanetError("this host has no CA, as masters have", "run this on a master")
        return mine

    def roster(self) -> Roster:
        """Return who is let in, and keep a copy of it here."""
        known = roster.read(self.vault, self.store.roster())
        self.store.keep_roster(known.plain())
        return known

    def settle(self) -> Roster:
        """Have all know who is let in and who is shut out; return that.

        What is shut out is on this master's disk before connections are ended, else it comes back.
        One at a time: who tells what it read before would shut out again who was let in since.
        """
        with self._settling:
            known = self.roster()
            if known.revoked.keys() != self._shut_out:
                self.store.revoke(self.crl(known))
                self._shut_out = known.revoked.keys()
            self.admit(known)
            return known

    def join(self, given: Mapping[str, Any], source: str) -> Json:
        """Let in who has a token.

        :param given: ``id`` and ``secret`` of the token, ``host``, ``addresses``, ``request``.
        :param source: the address that it asks from.
        :raises ArpanetError: it is not let in, and nothing was changed.
        """
        token, secret = str(given.get("id", "")), str(given.get("secret", ""))
        allowed, _ = tokens.check(self.vault, token, secret)
        public = authority.requested(str(given.get("request", "")))
        mine, networks = ranges.split(allowed.addresses)
        host, addresses = _claimed(given, (*mine, source))
        self._known(host, public)
        rotation.check_signer(self.vault, self.authority().certificate)
        tokens.spend(self.vault, token, secret)
        return self.let_in(Subject(host, allowed.role, addresses), public, networks)

    def let_in(
        self,
        subject: Subject,
        public: ec.EllipticCurvePublicKey,
        networks: tuple[str, ...] = (),
    ) -> Json:
        """Let *subject* in; one that is already, and has the same key, once more.

        :param networks: that its instances may be in, beside those that it was allowed before.
        :raises ArpanetError: another host has its name, or another CA signs by now.
        """
        mine = self.authority()
        known, version = self._known(subject.host, public)
        entry, certificate = _entry(mine, subject, public, self.days)
        if known:
            entry = replace(entry, former=known.certificates()).allowed(known.ranges())
        entry = entry.allowed((*entry.ranges(), *networks))
        if not roster.write(self.vault, entry, version):
            raise roster.taken(subject.host)
        try:
            rotation.check_signer(self.vault, mine.certificate)
        except ArpanetError:
            if not known:  # it hears nothing of that certificate, and may come again
                roster.shut_out(self.vault, subject.host)
            raise
        return self._answer(entry, certificate, keys=True)

    def renew(
        self, serial: str, public: ec.EllipticCurvePublicKey, shown: tuple[str, ...] = ()
    ) -> Json:
        """Give the host whose certificate has that *serial* a new one, for its key.

        :param shown: see :class:`arpanet_identity.roster.Entry`.
        :raises ArpanetError: it is shut out, or another CA signs by now.
        """
        mine = self.authority()
        owners = (e for e in self.roster().hosts.values() if serial in dict(e.certificates()))
        owner = next(owners, None)
        entry, version = roster.find(self.vault, owner.host) if owner else (None, ABSENT)
        if (
            entry is None
            or serial not in dict(entry.certificates())
            or entry.key != authority.key_print(public)
        ):
            raise ArpanetError(
                "this host's certificate is nobody's any more",
                "let it in again: 'arpanet token create' on a master",
            )
        if sum(end > time.time() for _, end in entry.certificates()) >= roster.MOST:
            raise ArpanetError(f"{entry.host} has {roster.MOST} certificates that hold: no more")
        certificate = mine.issue(entry.subject(), public, self.days)
        entry = replace(entry.renewed(_read(certificate)), shown=shown)
        if not roster.write(self.vault, entry, version):
            raise ArpanetError(f"{entry.host} was renewed or shut out just now", "try again")
        rotation.check_signer(self.vault, mine.certificate)
        return self._answer(entry, certificate)

    def crl(self, known: Roster) -> str:
        """Return the list of what is shut out, for etcd."""
        return self.authority().revoke(int(serial, 16) for serial in known.revoked)

    def _known(self, host: str, public: ec.EllipticCurvePublicKey) -> tuple[Entry | None, int]:
        known, version = roster.find(self.vault, host)
        if version != ABSENT and (known is None or known.key != authority.key_print(public)):
            raise roster.taken(host)
        return known, version

    def _answer(self, entry: Entry, certificate: str, keys: bool = False) -> Json:
        now = self.settle()
        answer: Json = {
            "certificate": certificate,
            "ca": "".join(map(authority.pem, self.store.trusted())),
            "crl": self.crl(now),
            "password": roster.password(self.store.secret(), entry),
            "role": entry.role,
        }
        if keys and entry.role == "master":
            mine = self.authority()
            answer["authority"] = {
                "certificate": authority.pem(mine.certificate),
                "key": authority.pem(mine.key),
                "secret": self.store.secret().hex(),
            }
        return answer


def found(store: Store, subject: Subject, days: float = DAYS) -> None:
    """Make the CA of a new cluster, and let this host, its first master, in."""
    mine = store.authority() or store.begin()
    public = authority.read_key(store.key()).public_key()
    entry, certificate = _entry(mine, subject, public, days)
    store.keep_roster(Roster({subject.host: entry}, {}).plain())
    password = roster.password(store.secret(), entry)
    store.adopt(certificate, authority.pem(mine.certificate), mine.revoke([]), password)


def _entry(
    mine: Authority, subject: Subject, public: ec.EllipticCurvePublicKey, days: float
) -> tuple[Entry, str]:
    certificate = mine.issue(subject, public, days)
    fresh = Entry(
        subject.host,
        subject.role,
        subject.addresses,
        serial="",
        ends=0.0,
        generation=secrets.token_hex(8),
        key=authority.key_print(public),
    )
    return fresh.renewed(_read(certificate)), certificate


def _read(certificate: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.encode())


def _claimed(given: Mapping[str, Any], allowed: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the name and the addresses that a host asks for.

    :raises ArpanetError: they make no sense, or it may not have them.
    """
    asked = given.get("addresses")
    if not isinstance(asked, list) or not 0 < len(asked) <= ADDRESSES:
        raise ArpanetError(f"a host asks for 1 to {ADDRESSES} addresses")
    try:
        host = kinds.host_name(str(given.get("host", "")))
        addresses = tuple(dict.fromkeys(map(kinds.address, map(str, asked))))
    except ValueError as problem:
        raise ArpanetError(f"a host's name or address {problem}") from problem
    authority.check_host(host)
    may = {_plain(one) for one in allowed}
    if strange := [one for one in addresses if _plain(one) not in may]:
        raise ArpanetError(
            f"a host that asks from {allowed[-1]} may not have the address {', '.join(strange)}",
            "set ARPANET_IP there, or name the address in the token:"
            f" arpanet token create --ip {strange[0]}",
        )
    return host, addresses


def _plain(address: str) -> str:
    one = ip_address(address)
    return str(getattr(one, "ipv4_mapped", None) or one)
