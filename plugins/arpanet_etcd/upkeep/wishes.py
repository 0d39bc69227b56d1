"""What one master asks of the others for an upgrade, in the vault: masters alone see and write it.

A wish that nobody takes goes by itself, so that no agent begins long after whoever asked has gone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from arpanet import ABSENT, Hearing, Vault, codec

__all__ = ["EXCHANGE", "FETCH", "WAITS", "Wish", "Wishes"]

#: The steps: have the image on the host; run it.
FETCH, EXCHANGE = "fetch", "exchange"
#: Seconds until a wish that nobody took is none any more.
WAITS = 30

State = Literal["asked", "taken", "done", "failed"]


@dataclass(frozen=True)
class Wish:
    """One step of one master.

    :ivar number: tells it from all other wishes.
    :ivar cluster: etcd's number of the cluster that it is for: a snapshot may hold a wish, and
        who restores it does not ask for it again.
    :ivar version: of the etcd in *image*, as ``3.6.14``.
    :ivar words: what is said of it: why it failed, or what is to be known.
    """

    number: str
    cluster: str
    step: str
    image: str
    version: str
    state: State = "asked"
    words: str = ""
    hint: str = ""

    @property
    def open(self) -> bool:
        """Whether something is to be done."""
        return self.state in ("asked", "taken")


class Wishes:
    """One for each master at a time. Every method raises ``RegistryError``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def of(self, host: str) -> Wish | None:
        """Return what is asked of *host*, or was last."""
        return self._read(host)[0]

    def follow(self, changed: Callable[[], None]) -> Hearing:
        """Call *changed* when anybody may have asked for something."""
        return self._vault.follow(changed)

    def ask(self, host: str, wish: Wish) -> None:
        """Ask it; what was asked before is forgotten."""
        self._vault.write(_name(host), json.dumps(asdict(wish)), ttl=WAITS)

    def change(self, host: str, wish: Wish, state: State, words: str = "", hint: str = "") -> bool:
        """Say how it goes; return whether it is still what is asked."""
        now, version = self._read(host)
        if now is None or now.number != wish.number:
            return False
        said = replace(wish, state=state, words=words, hint=hint)
        return self._vault.write(_name(host), json.dumps(asdict(said)), version)

    def withdraw(self, host: str, wish: Wish) -> bool:
        """Ask it no more; return whether nobody had taken it."""
        now, version = self._read(host)
        if now is None:
            return True
        if now.number != wish.number or now.state != "asked":
            return False
        return self._vault.delete(_name(host), version)

    def _read(self, host: str) -> tuple[Wish | None, int]:
        entry = self._vault.read(_name(host))
        if entry is None:
            return None, ABSENT
        try:
            said = codec.parse(entry.value)
            return _wish(said), entry.version
        except (ValueError, KeyError, TypeError):
            return None, entry.version


def _wish(said: Mapping[str, str]) -> Wish:
    return Wish(**said)  # type: ignore[arg-type]


def _name(host: str) -> str:
    return f"upgrade/{host}"
