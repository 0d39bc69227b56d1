"""What a cluster keeps beside its instances: small texts by name, changed by compare-and-swap.

Who is let in, by which tokens, and who may offer which service. Names below ``public/`` are read by
every host and written by masters only; all others masters alone see.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

__all__ = ["ABSENT", "Entry", "Hearing", "MemoryVault", "Vault"]

#: The version of what is not there.
ABSENT = 0


class Entry(NamedTuple):
    """What is kept under a name.

    :ivar version: another one after each change, never :data:`ABSENT`.
    """

    value: str
    version: int


class Hearing(Protocol):
    """What :meth:`Vault.follow` returns."""

    def close(self) -> None:
        """Hear no more."""


class Vault(Protocol):
    """Kept by the cluster's masters. Names are paths: ``tokens/x7``; values are short texts.

    Every method raises ``RegistryUnreachable`` when no master answers, and ``RegistryError`` when
    this host may not do it.
    """

    def read(self, name: str) -> Entry | None:
        """Return what is kept under *name* now, as a majority knows it."""

    def list(self, prefix: str) -> Mapping[str, Entry]:
        """Return all whose names begin with *prefix*, by name."""

    def write(self, name: str, value: str, version: int | None = None, ttl: int | None = 0) -> bool:
        """Keep *value* under *name*; return whether that was done.

        :param version: only if this is still the version; :data:`ABSENT`: only if there is none.
        :param ttl: seconds after which it goes by itself; 0: it stays. A later write without it
            lets it stay; one with ``None``, of a version that is there, changes nothing of when it
            goes.
        """

    def delete(self, name: str, version: int | None = None) -> bool:
        """Keep nothing under *name*; return whether something was, of that *version* if given."""

    def follow(self, changed: Callable[[], None]) -> Hearing:
        """Call *changed*, from another thread, soon after anything may have changed: for masters.

        Also when what changes is heard from then on, and when it is not. Returns at once, raises
        nothing. What a call is for, a look now and then is for, too: a master that is asked may
        hang.
        """

    def close(self) -> None:
        """Let go of connections."""


class MemoryVault:
    """A vault in this process: for tests, and for ``ARPANET_REGISTRY=memory://``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._version = ABSENT
        self._entries: dict[str, tuple[Entry, float]] = {}
        self._heard: list[Callable[[], None]] = []

    def read(self, name: str) -> Entry | None:
        """See :class:`Vault`."""
        with self._lock:
            return self._living().get(name)

    def list(self, prefix: str) -> Mapping[str, Entry]:
        """See :class:`Vault`."""
        with self._lock:
            return {name: e for name, e in self._living().items() if name.startswith(prefix)}

    def write(self, name: str, value: str, version: int | None = None, ttl: int | None = 0) -> bool:
        """See :class:`Vault`."""
        with self._lock:
            if not self._is(name, version):
                return False
            self._version += 1
            if ttl is None:
                until = self._entries[name][1]
            else:
                until = self._clock() + ttl if ttl else float("inf")
            self._entries[name] = (Entry(value, self._version), until)
        self._tell()
        return True

    def delete(self, name: str, version: int | None = None) -> bool:
        """See :class:`Vault`."""
        with self._lock:
            was = name in self._living() and self._is(name, version)
            if was:
                del self._entries[name]
        self._tell()
        return was

    def follow(self, changed: Callable[[], None]) -> Hearing:
        """See :class:`Vault`; what goes by itself is not told."""
        self._heard.append(changed)
        changed()
        return _Heard(self._heard, changed)

    def close(self) -> None:
        """See :class:`Vault`."""

    def _tell(self) -> None:
        for changed in list(self._heard):
            changed()

    def _is(self, name: str, version: int | None) -> bool:
        found = self._living().get(name)
        return version is None or version == (found.version if found else ABSENT)

    def _living(self) -> dict[str, Entry]:
        now = self._clock()
        return {name: entry for name, (entry, until) in self._entries.items() if now < until}


class _Heard:
    def __init__(self, every: list[Callable[[], None]], mine: Callable[[], None]) -> None:
        self._every, self._mine = every, mine

    def close(self) -> None:
        with suppress(ValueError):  # it was closed before
            self._every.remove(self._mine)
