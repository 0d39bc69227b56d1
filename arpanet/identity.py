"""Who this host is to the others: its certificate on disk, and the TLS that is made of it.

    ~/.arpanet/            ARPANET_IDENTITY: 0700
      host/                what every process of arpanet on this host reads
        ca.pem             the cluster's CA; while it is being changed, the old and the new one
        host.pem           this host's certificate
        host.key           its key, which never leaves the host: 0600
        password           what it says to the registry's own authentication: 0600
      cluster              which cluster it is in; its registry's
      ca/                  on masters only; see the plugin that makes all this

One process is one host: who it is, is kept here once, so that no place that dials can forget it.
What is on disk may be replaced at any time (renewed, issued by another CA): the next connection is
made with what is there then. What can't be read then (half written, a full disk) is not used, and
what was good before goes on.
"""

import logging
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from arpanet.errors import SettingsError
from arpanet.settings import ARPANET_IDENTITY, ARPANET_TLS, HOSTNAME, Settings

if TYPE_CHECKING:  # for who speaks TLS alone
    import ssl

__all__ = ["Identity", "check_private", "current", "of", "use"]

log = logging.getLogger(__name__)

STRANGER = "is not let in yet"
JOIN = (
    "let this host in: 'arpanet token create' on a master prints the line to run here;"
    " or, without any protection, ARPANET_TLS=off on all hosts"
)

#: Device, inode, size and time of each file: another one when a file was replaced.
Stamp = tuple[tuple[int, int, int, int], ...]


class Identity:
    """A host's certificate, key and password, and contexts for TLS. Thread-safe.

    :param directory: what ``ARPANET_IDENTITY`` names; it need not exist.
    :param name: the host's HOSTNAME, to which the password belongs.
    """

    def __init__(self, directory: Path, name: str = "") -> None:
        self.directory, self.name = directory, name
        #: what agents and etcd get to see of it
        self.host = directory / "host"
        self.ca = self.host / "ca.pem"
        self.certificate = self.host / "host.pem"
        self.key = self.host / "host.key"
        self._password = self.host / "password"
        self._lock = threading.Lock()
        self._made: dict[bool, tuple[Stamp, ssl.SSLContext]] = {}

    def __repr__(self) -> str:
        return f"Identity({str(self.directory)!r})"

    @property
    def here(self) -> bool:
        """Whether this host has been let in."""
        return self.certificate.exists() and self.key.exists() and self.ca.exists()

    @property
    def password(self) -> str:
        """What this host says to the registry's own authentication; ``""``: it was told none.

        :raises SettingsError: others may read it.
        """
        try:
            check_private(self._password)
            return self._password.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def check(self) -> None:
        """Refuse to go on without a certificate that can be used.

        :raises SettingsError: there is none, others may read its key, or they don't fit together.
        """
        self._context(server=False)

    def client(self) -> "ssl.SSLContext":
        """Return what to dial others with: they must show a certificate of the cluster's CA.

        The same one as before while the files are the same. TLS 1.2 or newer.

        :raises SettingsError: see :meth:`check`.
        """
        return self._context(server=False)

    def server(self) -> "ssl.SSLContext":
        """Return what to serve others with; they may, and need not, show a certificate.

        :raises SettingsError: see :meth:`check`.
        """
        return self._context(server=True)

    def _context(self, server: bool) -> "ssl.SSLContext":
        with self._lock:
            before = self._made.get(server)
            try:
                stamp = self._stamp()
                if before and before[0] == stamp:
                    return before[1]
                check_private(self.key)
                made = self._make(server)
            except FileNotFoundError as problem:
                lacks = f"has no {problem.filename}" if self.certificate.exists() else STRANGER
                wrong = SettingsError(f"this host {lacks}", JOIN)
            except OSError as problem:
                said = problem.strerror or str(problem)
                wrong = SettingsError(f"the certificate in {self.host} can't be used: {said}", JOIN)
            except SettingsError as problem:
                wrong = problem
            else:
                self._made[server] = (stamp, made)
                return made
            if before is None:
                raise wrong
            log.warning("going on with the certificate that was there before: %s", wrong)
            return before[1]

    def _stamp(self) -> Stamp:
        found = map(os.stat, (self.ca, self.certificate, self.key))
        return tuple((one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in found)

    def _make(self, server: bool) -> "ssl.SSLContext":
        import ssl

        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_verify_locations(self.ca)
        made.load_cert_chain(self.certificate, self.key)
        if server:
            made.verify_mode = ssl.CERT_OPTIONAL
        return made


def check_private(path: Path) -> None:
    """Refuse a secret that is none.

    :raises SettingsError: others may read *path*.
    """
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"others may read {path}",
            f"chmod 600 {path}; if they may have, have this host's certificate made anew",
        )


def of(settings: Settings) -> Identity | None:
    """Return the identity that *settings* speak of, on disk or not; ``None``: ARPANET_TLS=off."""
    if not settings[ARPANET_TLS]:
        return None
    return Identity(settings[ARPANET_IDENTITY], settings[HOSTNAME])


_current: Identity | None = None


def current() -> Identity | None:
    """Return who this process is; ``None``: it speaks without TLS."""
    return _current


def use(identity: Identity | None) -> None:
    """Let this process be *identity*; the one that it is already goes on with what it knows."""
    global _current
    known = _current and (_current.directory, _current.name)
    if identity is None or known != (identity.directory, identity.name):
        _current = identity
