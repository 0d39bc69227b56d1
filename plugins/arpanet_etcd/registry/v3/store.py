"""The registry over etcd's v3 API."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from arpanet import Host, RegistryError, duplicate_host
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.watch import Watch
from arpanet_etcd.registry.diff import belongings
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.v3.seat import V3Seat
from arpanet_etcd.registry.v3.writer import V3Writer, living_host

__all__ = ["V3Store"]


class V3Store:
    """One cluster that speaks v3; see :class:`arpanet_etcd.registry.registry.Store`."""

    def __init__(self, endpoints: Sequence[str], layout: Layout) -> None:
        self.gateway = Gateway(endpoints)
        self._layout = layout

    def listing(self) -> tuple[Mapping[str, str], int]:
        """Return all keys as a majority knows them, and the store's revision."""
        found = self.gateway.range(self._layout.root)
        with contextlib.suppress(RegistryError):  # knowing more masters is a bonus
            self.gateway.refresh()
        return {key: value.value for key, value in found.kvs.items()}, found.revision

    def changes(self, cursor: int) -> "_V3Changes":
        """Watch what happened after revision *cursor*."""
        root = self._layout.root
        return _V3Changes(self.gateway.watch(root, wire.prefix_end(root), cursor + 1), cursor)

    def writer(self, host: Host, ttl: int) -> V3Writer:
        """Return the entries of *host*."""
        return V3Writer(self.gateway, self._layout, host, ttl)

    def seat(self, name: str, ttl: int) -> V3Seat:
        """Return the seat of *name*."""
        return V3Seat(self.gateway, self._layout, name, ttl)

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


class _V3Changes:
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
