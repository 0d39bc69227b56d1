"""The registry over etcd's v2 API: for etcd up to 3.5, started with --enable-v2."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import etcd

from arpanet import Host, codec
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import Compacted
from arpanet_etcd.registry.diff import belongings, next_number
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.namesakes import refuse_another
from arpanet_etcd.registry.presence import DAY
from arpanet_etcd.registry.store import Listing, Quiet, Step, WentBack
from arpanet_etcd.registry.v2.client import V2Client
from arpanet_etcd.registry.v2.seat import V2Seat
from arpanet_etcd.registry.v2.writer import (
    CONFLICT,
    V2Writer,
    living_host,
    read_node,
)

__all__ = ["V2Store"]

#: Seconds that one long poll waits for a change; a closed mirror's thread ends within them.
QUIET = 5


class V2Store:
    """One cluster that speaks v2; see :class:`arpanet_etcd.registry.store.Store`.

    What v2 can't do: withdraw in one step (for a moment, what is withdrawn is unconfirmed), or give
    all keys of a host one life (they run out one by one; what does has vanished).
    """

    def __init__(self, endpoints: Sequence[str], layout: Layout, seed: str = "") -> None:
        self._client = V2Client(endpoints, seed=seed)
        self._layout = layout

    def expect(self, cluster: str) -> None:
        """Speak with the cluster of that id."""
        self._client.identity.cluster = self._client.identity.cluster or cluster

    def listing(self) -> Listing:
        """Return all keys that are read, as a majority knows them."""
        root = self._layout.root.rstrip("/")
        try:
            found = self._client.call("read", root, recursive=True, quorum=True)
        except etcd.EtcdKeyNotFound as nothing:
            return Listing({}, self._at(int(nothing.payload["index"])))
        first, end = self._layout.span
        texts = {
            one.key: one.value
            for one in found.leaves
            if not one.dir and first <= one.key < end  # an empty directory is its own leaf
        }
        return Listing(texts, self._at(found.etcd_index))

    def _at(self, index: int) -> Position:
        return Position(self._client.identity.cluster, 0, index)

    def remembers(self, position: Position) -> bool:
        """v2 does not tell what was: its index alone tells one that is behind."""
        return True

    def changes(self, position: Position) -> "_V2Changes":
        """Watch what happened after *position*."""
        return _V2Changes(self._client, self._layout.root.rstrip("/"), position)

    def writer(self, host: Host, ttl: int) -> V2Writer:
        """Return the entries of *host*."""
        return V2Writer(self._client, self.listing, self._layout, host, ttl)

    def seat(self, name: str, ttl: int) -> V2Seat:
        """Return the seat of *name*."""
        return V2Seat(self._client, self._layout, name, ttl)

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one."""
        found = read_node(self._client, self._layout.host(host.name))
        refuse_another(host, living_host(host.name, found))

    def withdraw(self, host: str) -> None:
        """Delete the host's entries, say that there are none, delete its record."""
        own = belongings(self.listing().texts, self._layout, host)
        for key, text in own.items():
            with suppress(*CONFLICT):  # not what this host wrote: somebody else's
                self._client.call("delete", key, prevValue=text)
        key = self._layout.host(host)
        found = read_node(self._client, key)
        if found and (record := living_host(host, found)):
            text = codec.encode(replace(record, listed=next_number(record.listed)))
            self._client.call("write", key, value=text, ttl=60)
        with suppress(etcd.EtcdKeyNotFound):
            self._client.call("delete", key)
        with suppress(etcd.EtcdKeyNotFound):
            told = self._layout.told(host).rstrip("/")
            self._client.call("delete", told, recursive=True, dir=True)

    def pulse(self, host: str, agent: str) -> "_V2Pulse":
        """Return the sign of life of *agent* of *host*."""
        return _V2Pulse(self._client, self._layout.pulse(host, agent))

    def forget(self, host: str, agent: str) -> None:
        """Delete what it is missed by."""
        with suppress(etcd.EtcdKeyNotFound):
            self._client.call("delete", self._layout.pulse(host, agent))

    def silences(self) -> Mapping[tuple[str, str], float]:
        """See how much of its time each agent's key has left."""
        return {
            who: float(DAY - one.ttl)
            for one in self._told()
            if one.ttl and (who := self._layout.pulsing(one.key))
        }

    def tell(self, host: str, about: str, text: str) -> None:
        """Write the text."""
        self._client.call("write", self._layout.told(host, about), value=text)

    def told(self, about: str) -> Mapping[str, str]:
        """Read what all hosts tell."""
        return self._layout.tellers({one.key: one.value for one in self._told()}, about)

    def _told(self) -> list[etcd.EtcdResult]:
        try:
            found = self._client.call("read", f"{self._layout.root}told", recursive=True)
        except etcd.EtcdKeyNotFound:
            return []
        return [one for one in found.leaves if not one.dir]

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


class _V2Pulse:
    """A key of a day, begun anew: see :class:`arpanet_etcd.registry.store.Pulse`."""

    def __init__(self, client: V2Client, key: str) -> None:
        self._client, self._key = client, key

    def beat(self) -> None:
        try:
            self._client.call("refresh", self._key, ttl=DAY)
        except etcd.EtcdKeyNotFound:
            self._client.call("write", self._key, value="", ttl=DAY)


class _V2Changes:
    """Long polls, each from the index after the last change: nothing is lost between them."""

    def __init__(self, client: V2Client, root: str, position: Position) -> None:
        self._client, self._root, self._position = client, root, position
        self._closed = False

    def __iter__(self) -> Iterator[Step]:
        self._prove()
        yield Step(self._position, ())
        while not self._closed:
            try:
                event = self._client.call(
                    "read",
                    self._root,
                    wait=True,
                    recursive=True,
                    waitIndex=self._position.revision + 1,
                    timeout=QUIET,
                )
            except etcd.EtcdWatchTimedOut as nothing:
                raise Quiet from nothing
            except (etcd.EtcdEventIndexCleared, etcd.EtcdWatcherCleared) as problem:
                raise Compacted(self._position.revision) from problem
            self._position = self._position._replace(revision=event.modifiedIndex)
            if event.dir:  # a whole directory went at once
                raise Compacted(self._position.revision)
            gone = event.action in ("delete", "expire", "compareAndDelete")
            yield Step(self._position, [(event.key, None if gone else event.value)])

    def _prove(self) -> None:
        """Ask something that is answered at once: a member that hangs looks like one without news.

        :raises WentBack: the store's index is behind: another store, or one restored.
        """
        try:
            index = self._client.call("read", self._root).etcd_index
        except etcd.EtcdKeyNotFound as nothing:
            index = int(nothing.payload["index"])
        now = Position(self._client.identity.cluster, 0, index)
        if not self._position.goes_on(now):
            raise WentBack(self._position)

    def close(self) -> None:
        self._closed = True
