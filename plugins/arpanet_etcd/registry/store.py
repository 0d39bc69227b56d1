"""What a registry needs to know of a kind of store: etcd's v3, its v2, or whichever answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from arpanet import Host, Instance

__all__ = ["Changes", "Seat", "Store", "Writer"]


class Changes(Protocol):
    """A running watch: (cursor, changed keys and their values) at each step; ``None``: deleted."""

    def __iter__(self) -> Iterator[tuple[int, Sequence[tuple[str, str | None]]]]:
        """Yield until closed; at once when the watch has been set up.

        :raises Quiet: nothing was heard for a while.
        :raises RegistryError: the watch can't go on.
        """

    def close(self) -> None:
        """End the iteration, from any thread."""


class Writer(Protocol):
    """The entries of one host. Used by one thread."""

    def refresh(self) -> None:
        """Hold the host's name and keep its entries alive; look at what became of them.

        :raises RegistryError: that failed; another host has the name.
        """

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        """Let *wanted* be all entries; return what is refused: instance id -> its other owner.

        :raises RegistryError: it may have been written in part; refresh, then write again.
        """


class Seat(Protocol):
    """What one candidate at a time holds, for a time to live. Used by one thread at a time.

    Every method raises ``RegistryUnreachable`` when no master answers.
    """

    def hold(self) -> bool:
        """Take it where it is free, keep it where it is own; return whether it is held now."""

    def release(self) -> None:
        """Leave it, where it is own."""

    def recall(self) -> str:
        """Return the note that belongs to it, ``""`` when there is none."""

    def keep(self, note: str) -> bool:
        """Replace the note where the seat is held; return whether it was."""


class Store(Protocol):
    """One cluster, spoken to in one way. Does no I/O until it is asked something.

    All methods raise ``RegistryUnreachable`` when no master answers.
    """

    def listing(self) -> tuple[Mapping[str, str], int]:
        """Return all keys below the path as a majority knows them, and the cursor of now."""

    def changes(self, cursor: int) -> Changes:
        """Watch everything that happened after *cursor*.

        :raises Compacted: then or while iterating: too long ago.
        """

    def writer(self, host: Host, ttl: int) -> Writer:
        """Return the entries of *host*."""

    def seat(self, name: str, ttl: int) -> Seat:
        """Return the seat of *name*."""

    def check(self, host: Host) -> None:
        """See :meth:`arpanet.registry.Registry.check`."""

    def withdraw(self, host: str) -> None:
        """See :meth:`arpanet.registry.Registry.withdraw`."""

    def close(self) -> None:
        """Let go of connections."""
