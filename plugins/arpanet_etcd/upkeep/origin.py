"""Which arpanet a store is of: said in the store itself, so that a file of it says so, too.

A snapshot of etcd names no cluster, and the number of one that was restored is a new one. So a note
in the vault has that number, and the fingerprints of the CA that hosts know each other by.
"""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from re import DOTALL, findall

from arpanet import codec
from arpanet_etcd.client.gateway import Gateway

__all__ = ["NOTE", "Origin", "fingerprints", "note"]

#: Where it stands in the vault.
NOTE = "upkeep/origin"
#: Of so many clusters of before the note tells.
KEPT = 10


@dataclass(frozen=True)
class Origin:
    """Where a store is from.

    :ivar cluster: the number of its cluster, hexadecimal.
    :ivar before: those of the clusters that it was restored from.
    :ivar ca: the fingerprints of the CA's certificates; none with ``ARPANET_TLS=off``.
    """

    cluster: str
    before: tuple[str, ...] = ()
    ca: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Return what a note says.

        :raises ValueError: it is none.
        """
        try:
            given = codec.parse(text)
            return cls(str(given["cluster"]), tuple(given["before"]), tuple(given["ca"]))
        except (KeyError, TypeError) as problem:
            raise ValueError(f"no note of a cluster: {problem}") from None

    def text(self) -> str:
        """Return the note."""
        given = {"cluster": self.cluster, "before": self.before, "ca": self.ca}
        return json.dumps(given, separators=(",", ":"))

    def stranger(self, cluster: str, ca: Sequence[str]) -> str:
        """Return why this host is of another arpanet; ``""``: it is of this one, or of none yet.

        :param cluster: the number of the cluster that this host was in, ``""``: none.
        """
        if self.ca:
            return "" if {*ca} & {*self.ca} else "its hosts know each other by another CA"
        if not cluster or cluster in (self.cluster, *self.before):
            return ""
        return f"it is of cluster {self.cluster}, and this host of {cluster}"


def fingerprints(ca: Path | None) -> tuple[str, ...]:
    """Return the SHA-256 of each certificate in the file *ca*; none: there is no file."""
    if ca is None or not ca.exists():
        return ()
    pem = ca.read_text(encoding="ascii", errors="replace")
    found = findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, DOTALL)
    return tuple(sha256(b64decode(one)).hexdigest() for one in found)


def note(gateway: Gateway, key: str, cluster: str, ca: tuple[str, ...]) -> None:
    """Have the store say under *key* what it is of; nothing is written where it does.

    :raises RegistryError: the masters don't take it.
    """
    found = gateway.get(key)
    try:
        known = Origin.parse(found.value) if found else None
    except ValueError:
        known = None
    before = known.before if known else ()
    if known and known.cluster != cluster:
        before = (known.cluster, *before)[:KEPT]
    wanted = Origin(cluster, before, ca).text()
    if found is None or found.value != wanted:
        gateway.put(key, wanted)
