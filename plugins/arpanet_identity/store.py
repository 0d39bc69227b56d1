"""What of the cluster's identity is on this host's disk: written whole or not at all.

See :mod:`arpanet.identity` for the files that every host has. On masters there is beside them:

    ca/ca.pem, ca.key    the CA that signs: 0600
    ca/secret            what passwords are derived from: 0600
    ca/roster.json       who is let in, lest a lost registry shuts everybody out
"""

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from arpanet import ArpanetError, Identity, codec, identity, replacing
from arpanet_identity import authority
from arpanet_identity.authority import Authority

__all__ = ["Store"]


class Store:
    """The directory that ``ARPANET_IDENTITY`` names; made when something is first written.

    Every method that writes raises ``ArpanetError`` when it can't, and leaves what was there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.me = Identity(directory)
        self.crl = self.me.host / "crl.der"
        self._ca = directory / "ca"
        self._certificate, self._key = self._ca / "ca.pem", self._ca / "ca.key"
        self._secret, self._roster = self._ca / "secret", self._ca / "roster.json"

    # -- this host -------------------------------------------------------------------------------

    def key(self) -> str:
        """Return this host's private key, as PEM: made now if there is none, and never replaced."""
        with suppress(FileNotFoundError):
            identity.check_private(self.me.key)
            return self.me.key.read_text()
        made = authority.new_key()
        self._write(self.me.key, made)
        return made

    def take_key(self, key: str) -> None:
        """Have a private key that was made elsewhere."""
        self._write(self.me.key, key)

    def adopt(self, certificate: str, ca: str, crl: str, password: str = "") -> None:
        """Be who *certificate* says; what is to be read with it is there before it.

        :param ca: whom to trust; ``""``: as before.
        :param crl: see :meth:`revoke`.
        """
        listed = _der(crl)
        if ca:
            self._write(self.me.ca, ca)
        self._write(self.crl, listed)
        if password:
            self._write(self.me.host / "password", password)
        self._write(self.me.certificate, certificate)

    @property
    def signs(self) -> bool:
        """Whether this host is a master, so that it has the CA's key."""
        return self._key.exists()

    def certificate(self) -> x509.Certificate | None:
        """Return this host's certificate, ``None``: it has none.

        :raises ArpanetError: what is there can't be read as one.
        """
        return _certificate(self.me.certificate)

    def trusted(self) -> list[x509.Certificate]:
        """Return the CAs that this host trusts; more than one while they change."""
        try:
            return x509.load_pem_x509_certificates(self.me.ca.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as problem:
            raise ArpanetError(f"{self.me.ca} holds no certificate: {problem}") from problem

    def trust(self, authorities: str) -> None:
        """Trust these CAs, and no others."""
        self._write(self.me.ca, authorities)

    def revoke(self, crl: str) -> None:
        """Let this host's etcd refuse the certificates that are listed.

        :param crl: as PEM; kept as DER, which is all that etcd reads from 3.6 on, and what others
            read as well.
        """
        self._write(self.crl, _der(crl))

    # -- masters ---------------------------------------------------------------------------------

    def authority(self) -> Authority | None:
        """Return the CA that this host can sign with, ``None``: it is no master.

        :raises ArpanetError: it is being replaced at this moment.
        """
        found = _certificate(self._certificate)
        if found is None or not self._key.exists():
            return None
        identity.check_private(self._key)
        made = Authority(found, authority.read_key(self._key.read_text()))
        if made.key.public_key() != found.public_key():
            raise ArpanetError(f"{self._key} is not the key of {self._certificate}", "try again")
        return made

    def secret(self) -> bytes:
        """Return what passwords are derived from.

        :raises ArpanetError: this host has none.
        """
        try:
            identity.check_private(self._secret)
            return bytes.fromhex(self._secret.read_text())
        except (OSError, ValueError) as problem:
            raise ArpanetError(f"{self._secret} can't be read: {problem}") from problem

    def begin(self) -> Authority:
        """Make the CA of a new cluster."""
        made = authority.create()
        keys = (authority.pem(made.certificate), authority.pem(made.key))
        self.sign_with(*keys, secrets.token_hex(32))
        return made

    def sign_with(self, certificate: str, key: str, secret: str) -> None:
        """Be a master: sign with this CA."""
        self._write(self._secret, secret)
        self._write(self._key, key)
        self._write(self._certificate, certificate)

    def roster(self) -> dict[str, Any]:
        """Return what :meth:`keep_roster` kept; nothing where it can't be read."""
        with suppress(OSError, ValueError):
            found = codec.parse(self._roster.read_text())
            if isinstance(found, dict):
                return found
        return {}

    def keep_roster(self, roster: dict[str, Any]) -> None:
        """Keep a copy of who is let in."""
        if roster != self.roster():
            self._write(self._roster, json.dumps(roster, indent=1, sort_keys=True))

    def _write(self, path: Path, content: str | bytes) -> None:
        """Replace *path* as a whole, for good, readable by its owner only."""
        try:
            for one in (self.directory, path.parent):
                one.mkdir(mode=0o700, exist_ok=True)
            with replacing(path) as file:
                file.write(content.encode() if isinstance(content, str) else content)
        except OSError as problem:
            raise ArpanetError(f"{path} can't be written: {problem.strerror}") from problem


def _der(crl: str) -> bytes:
    try:
        return x509.load_pem_x509_crl(crl.encode()).public_bytes(Encoding.DER)
    except ValueError as problem:
        raise ArpanetError(f"the list of who is shut out can't be read: {problem}") from problem


def _certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise ArpanetError(f"{path} holds no certificate: {problem}") from problem
