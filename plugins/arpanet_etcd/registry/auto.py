"""``ARPANET_ETCD_API=auto``: v3 where a master answers it, else v2."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from arpanet import Host, Instance, RegistryError, RegistryUnreachable
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import NotEtcd
from arpanet_etcd.registry.store import Changes, Listing, Pulse, Seat, Store, Writer

__all__ = ["AutoStore"]

#: Seconds after which what is better is looked for again: v3 may have been out of sight only.
AGAIN = 60.0


class AutoStore:
    """The first of *stores* that answers, found out when one is first needed.

    Hosts that see different APIs would not see each other: the order is the same everywhere, and
    who had to take a later one looks again from time to time.
    """

    def __init__(
        self, stores: Sequence[Store], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stores, self._clock = stores, clock
        self._found: Store | None = None
        self._asked = 0.0
        self._lock = threading.Lock()

    def store(self) -> Store:
        """Return the one that is used.

        :raises RegistryUnreachable: nobody answers.
        """
        with self._lock:
            better = self._found is not self._stores[0] and self._clock() >= self._asked + AGAIN
            if self._found is None or better:
                self._found = self._ask()
                self._asked = self._clock()
            return self._found

    def _ask(self) -> Store:
        problems: list[RegistryError] = []
        for store in self._stores:
            try:
                store.listing()
            except NotEtcd as problem:
                problems.append(problem)
            except RegistryUnreachable:
                raise  # silence rules nothing out: only an answer does
            except RegistryError as problem:
                problems.append(problem)
            else:
                return store
        raise problems[0]

    def expect(self, cluster: str) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        for store in self._stores:
            store.expect(cluster)

    def listing(self) -> Listing:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().listing()

    def remembers(self, position: Position) -> bool:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().remembers(position)

    def changes(self, position: Position) -> Changes:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        # of the one that was listed: another one has another history
        return (self._found or self.store()).changes(position)

    def writer(self, host: Host, ttl: int) -> Writer:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return _AutoWriter(self, host, ttl)

    def seat(self, name: str, ttl: int) -> Seat:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().seat(name, ttl)

    def check(self, host: Host) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self.store().check(host)

    def withdraw(self, host: str) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self.store().withdraw(host)

    def pulse(self, host: str, agent: str) -> Pulse:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().pulse(host, agent)

    def forget(self, host: str, agent: str) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self.store().forget(host, agent)

    def silences(self) -> Mapping[tuple[str, str], float]:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().silences()

    def tell(self, host: str, about: str, text: str) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self.store().tell(host, about, text)

    def told(self, about: str) -> Mapping[str, str]:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self.store().told(about)

    def close(self) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        for store in self._stores:
            store.close()


class _AutoWriter:
    """The writer of the store that is used."""

    def __init__(self, auto: AutoStore, host: Host, ttl: int) -> None:
        self._auto, self._host, self._ttl = auto, host, ttl
        self._store: Store | None = None
        self._writer: Writer | None = None

    def _current(self) -> Writer:
        store = self._auto.store()
        if self._writer is None or store is not self._store:
            self._store, self._writer = store, store.writer(self._host, self._ttl)
        return self._writer

    def refresh(self) -> None:
        self._current().refresh()

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        return self._current().write(wanted)
