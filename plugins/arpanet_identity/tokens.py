"""Join tokens: one line that lets a host in, once and for an hour.

    arp1-<id>-<secret>-<CA>-<check>

The CA's fingerprint (its first 32 digits: nobody finds another that begins so) lets the new host
know whom it talks to before it says the secret. The check tells a token that was cut off from one
that never was. The vault keeps a token's hash below ``tokens/<id>``, and drops it by itself.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from arpanet import ArpanetError, UsageError, Vault, codec

__all__ = [
    "HOUR",
    "Kept",
    "Token",
    "check",
    "create",
    "keep_only",
    "kept",
    "parse",
    "revoke",
    "spend",
]

TOKENS = "tokens/"
#: Seconds that a token is good for, unless said otherwise.
HOUR = 3600
BEGIN = "arp1"
#: Of each part, in hexadecimal digits.
ID, SECRET, AUTHORITY, CHECK = 8, 40, 32, 6
_WHOLE = re.compile(BEGIN + "".join(f"-([0-9a-f]{{{n}}})" for n in (ID, SECRET, AUTHORITY, CHECK)))
REFUSED = "that token is used up, too old, revoked or of another cluster"
HINT = "make a new one on a master: arpanet token create"


@dataclass(frozen=True)
class Token:
    """What a person carries from a master to a new host.

    :ivar authority: the first :data:`AUTHORITY` digits of the CA's fingerprint.
    """

    id: str
    secret: str
    authority: str

    def __str__(self) -> str:
        words = "-".join((BEGIN, self.id, self.secret, self.authority))
        return f"{words}-{_check(words)}"

    def __repr__(self) -> str:
        return f"Token({self.id!r})"

    def of(self, fingerprint: str) -> bool:
        """Return whether it was made by the CA of that *fingerprint*."""
        return hmac.compare_digest(fingerprint[:AUTHORITY], self.authority)


@dataclass(frozen=True)
class Kept:
    """What the vault knows of a token.

    :ivar hash: of its secret.
    :ivar uses: how many hosts it lets in yet.
    :ivar until: seconds since the epoch.
    :ivar addresses: that a host may have beside the one it asks from, and networks that its
        instances may be in.
    :ivar authority: see :class:`Token`.
    """

    id: str
    hash: str
    role: str
    uses: int
    until: float
    addresses: tuple[str, ...] = ()
    authority: str = ""


def parse(text: str) -> Token:
    """Take a token apart.

    :raises UsageError: it is none, or not all of one.
    """
    text = text.strip()
    whole = _WHOLE.fullmatch(text)
    if whole is None or _check(text.rpartition("-")[0]) != whole[4]:
        what = "is cut off, or mistyped" if text.startswith(BEGIN) else "is no join token"
        raise UsageError(f"the token {what}", "it is one word, as 'arpanet token create' prints it")
    return Token(*whole.groups()[:3])


def create(
    vault: Vault,
    authority: str,
    role: str,
    seconds: int = HOUR,
    uses: int = 1,
    addresses: tuple[str, ...] = (),
) -> Token:
    """Make a token for *uses* hosts of *role*.

    :param authority: the CA's fingerprint.
    :param addresses: see :class:`Kept`.
    """
    made = Token(secrets.token_hex(ID // 2), secrets.token_hex(SECRET // 2), authority[:AUTHORITY])
    until = time.time() + seconds
    entry = Kept(made.id, _hash(made.secret), role, uses, until, addresses, made.authority)
    vault.write(TOKENS + made.id, json.dumps(asdict(entry)), ttl=seconds)
    return made


def kept(vault: Vault) -> Iterator[Kept]:
    """Yield what is known of each token that can still be used."""
    for entry in vault.list(TOKENS).values():
        found = _read(entry.value)
        if found and found.until > time.time():
            yield found


def keep_only(vault: Vault, fingerprint: str) -> None:
    """Revoke the tokens that the CA of that *fingerprint* did not make."""
    for one in list(kept(vault)):
        if one.authority != fingerprint[:AUTHORITY]:
            revoke(vault, one.id)


def revoke(vault: Vault, token_id: str) -> bool:
    """Let nobody in with the token *token_id* any more; return whether somebody could be."""
    return vault.delete(TOKENS + token_id)


def check(vault: Vault, token_id: str, secret: str) -> tuple[Kept, int]:
    """Return what is known of a token, and its version in the vault.

    :raises ArpanetError: it lets nobody in; which of the reasons it is, is not told to strangers.
    """
    entry = vault.read(TOKENS + token_id) if re.fullmatch(r"[0-9a-f]+", token_id) else None
    found = _read(entry.value) if entry else None
    right = hmac.compare_digest(_hash(secret), found.hash if found else _hash(""))
    if entry is None or found is None or not right or found.until <= time.time():
        raise ArpanetError(REFUSED, HINT)
    return found, entry.version


def spend(vault: Vault, token_id: str, secret: str) -> Kept:
    """Use a token up by one; of two that use its last at one moment, one does.

    :raises ArpanetError: see :func:`check`.
    """
    while True:
        found, version = check(vault, token_id, secret)
        left = replace(found, uses=found.uses - 1)
        if left.uses > 0:
            # it goes when it was to go, whatever became of this master's clock meanwhile
            done = vault.write(TOKENS + token_id, json.dumps(asdict(left)), version, ttl=None)
        else:
            done = vault.delete(TOKENS + token_id, version)
        if done:
            return found


def _read(text: str) -> Kept | None:
    try:
        given = codec.parse(text)
        return Kept(**{**given, "addresses": tuple(given["addresses"])})
    except (ValueError, TypeError, KeyError):
        return None


def _hash(secret: str) -> str:
    return hashlib.sha256(f"{BEGIN}\n{secret}".encode()).hexdigest()


def _check(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:CHECK]
