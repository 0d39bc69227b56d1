"""A host's entries in etcd's v2 store: every key has a time to live of its own.

v2 knows no leases and no transactions: keys are refreshed one by one (which no watcher sees), and
written one by one, each compared with what was seen before.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import etcd

from arpanet import Host, Instance, RegistryError, codec, duplicate_host
from arpanet_etcd.registry.diff import Change, Entry, belongings, changes
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.v2.client import V2Client

__all__ = ["V2Writer", "living_host"]

log = logging.getLogger(__name__)

#: How often a write is worked out anew when others change the same keys at the same time.
ATTEMPTS = 5
CONFLICT = (etcd.EtcdCompareFailed, etcd.EtcdAlreadyExist, etcd.EtcdKeyNotFound)


class V2Writer:
    """See :class:`arpanet_etcd.registry.store.Writer`.

    :param listing: returns all keys below the path.
    """

    def __init__(
        self,
        client: V2Client,
        listing: Callable[[], tuple[Mapping[str, str], int]],
        layout: Layout,
        host: Host,
        ttl: int,
    ) -> None:
        self._client, self._listing, self._layout = client, listing, layout
        self._host, self._ttl = host, ttl
        self._key = layout.host(host.name)
        self._held = False
        #: what the host's keys hold, as last seen
        self._known: dict[str, Entry] = {}

    def refresh(self) -> None:
        """Refresh every own key; one that is gone, or was changed, is found out here."""
        if not self._held:
            self._acquire()
        if self._refresh(self._key) != codec.encode(self._host):
            self._held = False
            raise RegistryError("this host's record was changed or deleted", "it is put back")
        for key, entry in list(self._known.items()):
            # what another host held may be free by now
            if key != self._key and not (entry.mine and self._refresh(key) is not None):
                del self._known[key]

    def _refresh(self, key: str) -> str | None:
        try:
            node = self._client.call("refresh", key, ttl=self._ttl)
        except etcd.EtcdKeyNotFound:
            return None
        self._known[key] = Entry(node.value, node.modifiedIndex, True)
        return str(node.value)

    def _acquire(self) -> None:
        found = read_node(self._client, self._key)
        other = living_host(self._host.name, found)
        if other and other.engine != self._host.engine:
            raise duplicate_host(self._host, other)
        if found is None or found.value != codec.encode(self._host):
            self._put(self._key, codec.encode(self._host), found.modifiedIndex if found else 0)
        self._known = {}
        if other:  # what a dead namesake left behind is not taken over
            keys, _ = self._listing()
            # their indices are learned, and their time begun anew, by the refresh that follows
            own = belongings(keys, self._layout, self._host.name)
            self._known = {key: Entry(keys[key], 0, True) for key in own}
        self._held = True

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        """Write the differences, key by key, the record of an instance first."""
        wanted = list(wanted)
        for _ in range(ATTEMPTS):
            if not self._held:
                self.refresh()
            todo, refused = changes(wanted, self._known, self._layout, self._host.name)
            self._held = False  # until every answer is in
            done = [self._commit(change) for change in todo]
            self._held = True
            if all(done):
                return refused
        raise RegistryError("others keep changing this host's entries")

    def _commit(self, change: Change) -> bool:
        """Apply *change* if its record is still as it was; else learn what it is."""
        try:
            for key, text in change.puts.items():
                self._put(key, text, change.revision if key == change.record else None)
        except CONFLICT:
            self._learn(change.record)
            return False
        for key in change.deletes:
            index = self._known.pop(key).revision
            with suppress(*CONFLICT):  # not own any more: none of this host's business
                self._client.call("delete", key, prevIndex=index)
        return True

    def _put(self, key: str, text: str, index: int | None) -> None:
        """Write one key: if it was last changed at *index*, 0: if it is new, ``None``: anyway."""
        guard = {} if index is None else {"prevIndex": index} if index else {"prevExist": False}
        node = self._client.call(
            "write", key, retry=index is None, value=text, ttl=self._ttl, **guard
        )
        self._known[key] = Entry(text, node.modifiedIndex, True)

    def _learn(self, record: str) -> None:
        self._known.pop(record, None)
        if found := read_node(self._client, record):
            self._known[record] = Entry(found.value, found.modifiedIndex, False)


def read_node(client: V2Client, key: str) -> Any:
    """Return what etcd says of *key* as a majority knows it, ``None`` when it does not exist."""
    try:
        return client.call("read", key, quorum=True)
    except etcd.EtcdKeyNotFound:
        return None


def living_host(name: str, found: Any) -> Host | None:
    """Return the record of a host whose session is alive: without one it has no time to live."""
    if found is None or found.ttl is None:
        return None
    try:
        return codec.decode_host(name, found.value)
    except ValueError:
        return None
