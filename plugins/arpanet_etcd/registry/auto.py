"""``ARPANET_ETCD_API=auto``: v3 where a master answers it, else v2."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from arpanet import Host, Instance, RegistryError, RegistryUnreachable
from arpanet_etcd.registry.store import Changes, Seat, Store, Writer

__all__ = ["AutoStore"]


class AutoStore:
    """The first of *stores* that answers, found out when one is first needed.

    Hosts that see different APIs would not see each other: the order is the same everywhere.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores
        self._found: Store | None = None
        self._lock = threading.Lock()

    def _store(self) -> Store:
        with self._lock:
            if self._found is None:
                self._found = self._ask()
            return self._found

    def _ask(self) -> Store:
        problems = []
        for store in self._stores:
            try:
                store.listing()
            except RegistryUnreachable:
                raise  # silence rules nothing out: only an answer does
            except RegistryError as problem:
                problems.append(problem)
            else:
                return store
        raise problems[0]

    def listing(self) -> tuple[Mapping[str, str], int]:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self._store().listing()

    def changes(self, cursor: int) -> Changes:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self._store().changes(cursor)

    def writer(self, host: Host, ttl: int) -> Writer:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return _AutoLedger(lambda: self._store().writer(host, ttl))

    def seat(self, name: str, ttl: int) -> Seat:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        return self._store().seat(name, ttl)

    def check(self, host: Host) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self._store().check(host)

    def withdraw(self, host: str) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        self._store().withdraw(host)

    def close(self) -> None:
        """See :class:`~arpanet_etcd.registry.store.Store`."""
        for store in self._stores:
            store.close()


class _AutoLedger:
    def __init__(self, make: Callable[[], Writer]) -> None:
        self._make = make
        self._writer: Writer | None = None

    def refresh(self) -> None:
        self._writer = self._writer or self._make()
        self._writer.refresh()

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        self._writer = self._writer or self._make()
        return self._writer.write(wanted)
