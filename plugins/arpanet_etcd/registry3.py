"""The registry over etcd's v3 API."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from arpanet.errors import RegistryError
from arpanet.records import Host
from arpanet.registry import duplicate_host
from arpanet_etcd import wire
from arpanet_etcd.diff import belongings
from arpanet_etcd.gateway import Gateway
from arpanet_etcd.keys import Layout
from arpanet_etcd.ledger3 import Ledger3, living_host
from arpanet_etcd.watch import Watch

__all__ = ["Store3"]


class Store3:
    """One cluster that speaks v3; see :class:`arpanet_etcd.registry.Store`."""

    def __init__(self, endpoints: Sequence[str], layout: Layout) -> None:
        self.gateway = Gateway(endpoints)
        self._layout = layout

    def listing(self) -> tuple[Mapping[str, str], int]:
        """Return all keys as a majority knows them, and the store's revision."""
        found = self.gateway.range(self._layout.root)
        with contextlib.suppress(RegistryError):  # knowing more masters is a bonus
            self.gateway.refresh()
        return {key: value.value for key, value in found.kvs.items()}, found.revision

    def changes(self, cursor: int) -> "_Changes3":
        """Watch what happened after revision *cursor*."""
        root = self._layout.root
        return _Changes3(self.gateway.watch(root, wire.prefix_end(root), cursor + 1), cursor)

    def ledger(self, host: Host, ttl: int) -> Ledger3:
        """Return the entries of *host*."""
        return Ledger3(self.gateway, self._layout, host, ttl)

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one."""
        found = self.gateway.get(self._layout.host(host.name))
        other = living_host(host.name, found)
        if other and other.engine != host.engine:
            raise duplicate_host(host, other)

    def withdraw(self, host: str) -> None:
        """End the host's lease, and with it its entries; delete what is left in its name."""
        key = self._layout.host(host)
        found = self.gateway.get(key)
        if found and found.lease:
            self.gateway.revoke(found.lease)
        keys, _ = self.listing()
        for one in (key, *belongings(keys, self._layout, host)):
            self.gateway.delete(one)

    def close(self) -> None:
        """Let go of connections."""
        self.gateway.close()


class _Changes3:
    def __init__(self, watch: Watch, cursor: int) -> None:
        self._watch, self._cursor = watch, cursor

    def __iter__(self) -> Iterator[tuple[int, Sequence[tuple[str, str | None]]]]:
        created = False
        with self._watch:
            for revision, events in self._watch:
                if not created and revision < self._cursor:
                    # another store, or one restored: a watch of its future would stay silent
                    raise RegistryError(
                        f"etcd went back from revision {self._cursor} to {revision}"
                    )
                if events:
                    # the answer's own revision may be ahead: long histories come in parts
                    self._cursor = events[-1].revision
                elif created:
                    self._cursor = max(self._cursor, revision)
                created = True
                yield self._cursor, [(e.key, e.value.value if e.value else None) for e in events]

    def close(self) -> None:
        self._watch.close()
