"""What a registry needs to know of a kind of store: etcd's v3, its v2, or whichever answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from arpanet import Host, Instance, RegistryError
from arpanet_etcd.client.position import Position

__all__ = ["Changes", "Listing", "Pulse", "Quiet", "Seat", "Step", "Store", "WentBack", "Writer"]


class Quiet(Exception):
    """A watch that has to be made anew heard nothing for a while; it goes on where it was."""


class WentBack(RegistryError):
    """The store is not where it was seen: it was restored, or formed anew; list again."""

    def __init__(self, before: Position) -> None:
        super().__init__(f"{before} is not in etcd's history any more")


class Listing(NamedTuple):
    """All keys that are read, as a majority knew them at one moment."""

    texts: Mapping[str, str]
    position: Position


class Step(NamedTuple):
    """Keys that changed up to a moment, and what they hold; ``None``: deleted."""

    position: Position
    changed: Sequence[tuple[str, str | None]]


class Changes(Protocol):
    """A running watch."""

    def __iter__(self) -> Iterator[Step]:
        """Yield until closed; at once when the watch has been set up.

        :raises Quiet: nothing was heard for a while.
        :raises Compacted: what is asked for is too long ago.
        :raises WentBack: what is asked for is not of this store.
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
        """Let *wanted* be all entries; return what is refused: instance id -> why.

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


class Pulse(Protocol):
    """One agent's sign of life, which the store counts the age of. Used by one thread."""

    def beat(self) -> None:
        """Give it.

        :raises RegistryError: that failed.
        """


class Store(Protocol):
    """One cluster, spoken to in one way. Does no I/O until it is asked something.

    All methods raise ``RegistryUnreachable`` when no master answers.
    """

    def expect(self, cluster: str) -> None:
        """Speak with the cluster of that id, whoever answers first; before anything else."""

    def listing(self) -> Listing:
        """Return all keys that are read."""

    def remembers(self, position: Position) -> bool:
        """Whether *position* is of this store's history, as far as can be told."""

    def changes(self, position: Position) -> Changes:
        """Watch everything that happened after *position*."""

    def writer(self, host: Host, ttl: int) -> Writer:
        """Return the entries of *host*."""

    def seat(self, name: str, ttl: int) -> Seat:
        """Return the seat of *name*."""

    def check(self, host: Host) -> None:
        """See :meth:`arpanet.registry.Registry.check`."""

    def withdraw(self, host: str) -> None:
        """See :meth:`arpanet.registry.Registry.withdraw`."""

    def pulse(self, host: str, agent: str) -> Pulse:
        """Return the sign of life of *agent* of *host*."""

    def forget(self, host: str, agent: str) -> None:
        """See :meth:`arpanet.registry.Registry.forget`."""

    def silences(self) -> Mapping[tuple[str, str], float]:
        """See :meth:`arpanet.registry.Registry.silences`."""

    def tell(self, host: str, about: str, text: str) -> None:
        """See :meth:`arpanet.registry.Registry.tell`."""

    def told(self, about: str) -> Mapping[str, str]:
        """See :meth:`arpanet.registry.Registry.told`."""

    def close(self) -> None:
        """Let go of connections."""
