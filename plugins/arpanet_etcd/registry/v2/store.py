"""The registry over etcd's v2 API: for etcd up to 3.5, started with --enable-v2."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import etcd

from arpanet import Host, RegistryError, duplicate_host
from arpanet_etcd.client.watch import Quiet
from arpanet_etcd.client.wire import Compacted
from arpanet_etcd.registry.diff import belongings
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.v2.client import V2Client
from arpanet_etcd.registry.v2.seat import V2Seat
from arpanet_etcd.registry.v2.writer import V2Writer, living_host, read_node

__all__ = ["V2Store"]

#: Seconds that one long poll waits for a change; a closed mirror's thread ends within them.
QUIET = 5


class V2Store:
    """One cluster that speaks v2; see :class:`arpanet_etcd.registry.store.Store`."""

    def __init__(self, endpoints: Sequence[str], layout: Layout) -> None:
        self._client = V2Client(endpoints)
        self._layout = layout

    def listing(self) -> tuple[Mapping[str, str], int]:
        """Return all keys as a majority knows them, and the store's index."""
        root = self._layout.root.rstrip("/")
        try:
            found = self._client.call("read", root, recursive=True, quorum=True)
        except etcd.EtcdKeyNotFound as nothing:
            return {}, int(nothing.payload["index"])
        # an empty directory is its own leaf
        return {one.key: one.value for one in found.leaves if not one.dir}, found.etcd_index

    def changes(self, cursor: int) -> "_V2Changes":
        """Watch what happened after index *cursor*."""
        return _V2Changes(self._client, self._layout.root.rstrip("/"), cursor)

    def writer(self, host: Host, ttl: int) -> V2Writer:
        """Return the entries of *host*."""
        return V2Writer(self._client, self.listing, self._layout, host, ttl)

    def seat(self, name: str, ttl: int) -> V2Seat:
        """Return the seat of *name*."""
        return V2Seat(self._client, self._layout, name, ttl)

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one."""
        other = living_host(host.name, read_node(self._client, self._layout.host(host.name)))
        if other and other.engine != host.engine:
            raise duplicate_host(host, other)

    def withdraw(self, host: str) -> None:
        """Delete the host's record, and all that is in its name."""
        keys, _ = self.listing()
        for key in (self._layout.host(host), *belongings(keys, self._layout, host)):
            with suppress(etcd.EtcdKeyNotFound):
                self._client.call("delete", key)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


class _V2Changes:
    """Long polls, each from the index after the last change: nothing is lost between them."""

    def __init__(self, client: V2Client, root: str, cursor: int) -> None:
        self._client, self._root, self._cursor = client, root, cursor
        self._closed = False

    def __iter__(self) -> Iterator[tuple[int, Sequence[tuple[str, str | None]]]]:
        self._prove()
        yield self._cursor, ()
        while not self._closed:
            try:
                event = self._client.call(
                    "read",
                    self._root,
                    wait=True,
                    recursive=True,
                    waitIndex=self._cursor + 1,
                    timeout=QUIET,
                )
            except etcd.EtcdWatchTimedOut as nothing:
                raise Quiet from nothing
            except (etcd.EtcdEventIndexCleared, etcd.EtcdWatcherCleared) as problem:
                raise Compacted(self._cursor) from problem
            self._cursor = event.modifiedIndex
            if event.dir:  # a whole directory went at once
                raise Compacted(self._cursor)
            gone = event.action in ("delete", "expire", "compareAndDelete")
            yield self._cursor, [(event.key, None if gone else event.value)]

    def _prove(self) -> None:
        """Ask something that is answered at once: a member that hangs looks like one without news.

        :raises RegistryError: the store's index is behind: another store, or one restored.
        """
        try:
            index = self._client.call("read", self._root).etcd_index
        except etcd.EtcdKeyNotFound as nothing:
            index = int(nothing.payload["index"])
        if index < self._cursor:
            raise RegistryError(f"etcd went back from index {self._cursor} to {index}")

    def close(self) -> None:
        self._closed = True
