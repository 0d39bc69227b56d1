"""A host's entries in etcd's v2 store: every key has a time to live of its own.

v2 knows no leases and no transactions: keys are refreshed one by one (which no watcher sees), and
written one by one, each compared with what was seen before.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import etcd

from arpanet import Host, Instance, RegistryError, codec
from arpanet_etcd.registry.diff import Change, Entry, batches, belongings, changes, next_number
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.namesakes import living, refuse_another
from arpanet_etcd.registry.store import Listing
from arpanet_etcd.registry.v2.client import V2Client

__all__ = ["V2Writer", "living_host", "read_node"]

log = logging.getLogger(__name__)

#: How often a write is worked out anew when others change the same keys at the same time.
ATTEMPTS = 5
CONFLICT = (etcd.EtcdCompareFailed, etcd.EtcdAlreadyExist, etcd.EtcdKeyNotFound)


class V2Writer:
    """See :class:`arpanet_etcd.registry.store.Writer`.

    :param listing: returns all keys that are read.
    """

    def __init__(
        self,
        client: V2Client,
        listing: Callable[[], Listing],
        layout: Layout,
        host: Host,
        ttl: int,
    ) -> None:
        self._client, self._listing, self._layout = client, listing, layout
        self._host, self._ttl = host, ttl
        self._key = layout.host(host.name)
        self._held = False
        #: what the host's record holds, and the greatest number that it was ever seen to say
        self._text, self._number = "", 0
        #: the record says that all that is wanted is there, as far as is known
        self._settled = False
        #: what the host's keys hold, as last seen
        self._known: dict[str, Entry] = {}

    def refresh(self) -> None:
        """Refresh every own key; one that is gone, or was changed, is found out here."""
        if not self._held:
            self._acquire()
        if self._refresh(self._key) != self._text:
            self._held = False
            raise RegistryError("this host's record was changed or deleted", "it is put back")
        for key, entry in list(self._known.items()):
            # what another host held may be free by now
            if key != self._key and not (entry.mine and self._refresh(key) is not None):
                del self._known[key]
                self._settled = self._settled and not entry.mine

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
        refuse_another(self._host, other)
        self._settled = False
        self._known = {}
        said = other.listed if other else 0
        text = self._record(said)
        if found is None or found.value != text:
            self._put(self._key, text, found.modifiedIndex if found else 0)
        self._text, self._number = text, max(self._number, said)
        if other:  # what a dead namesake left behind is not taken over
            # their indices are learned, and their time begun anew, by the refresh that follows
            own = belongings(self._listing().texts, self._layout, self._host.name)
            self._known.update({key: Entry(text, 0, True) for key, text in own.items()})
        self._held = True

    def _record(self, listed: int) -> str:
        return codec.encode(replace(self._host, listed=listed))

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        """Write the differences, key by key, the record of an instance first."""
        wanted = list(wanted)
        for _ in range(ATTEMPTS):
            if not self._held:
                self.refresh()
            todo, refused = changes(wanted, self._known, self._layout, self._host.name)
            self._held = False  # until every answer is in
            done = [self._commit(change) for batch in batches(todo) for change in batch]
            self._held = True
            if all(done):
                if not self._settled:
                    self._say()
                return refused
        raise RegistryError("others keep changing this host's entries")

    def _commit(self, change: Change) -> bool:
        """Apply *change* where its keys are still as they were; else learn what they are."""
        try:
            for key, text in change.puts.items():
                at = change.expected[key]
                self._put(key, text, at if at or key not in self._known else None)
        except CONFLICT:
            self._learn(key)
            return False
        for key in change.deletes:
            index = self._known.pop(key).revision
            self._settled = False
            with suppress(*CONFLICT):  # not own any more: none of this host's business
                self._client.call("delete", key, prevIndex=index)
        return True

    def _say(self) -> None:
        """Say that what is listed is all that this host has."""
        number = next_number(self._number)
        text = self._record(number)
        try:
            self._put(self._key, text, self._known[self._key].revision)
        except (KeyError, *CONFLICT) as problem:
            self._held = False
            raise RegistryError("this host's record was changed", "it is put back") from problem
        self._number, self._text, self._settled = number, text, True

    def _put(self, key: str, text: str, index: int | None) -> None:
        """Write one key: if it was last changed at *index*, 0: if it is new, ``None``: anyway."""
        guard = {} if index is None else {"prevIndex": index} if index else {"prevExist": False}
        node = self._client.call(
            "write", key, retry=index is None, value=text, ttl=self._ttl, **guard
        )
        self._known[key] = Entry(text, node.modifiedIndex, True)

    def _learn(self, key: str) -> None:
        self._known.pop(key, None)
        if found := read_node(self._client, key):
            kept = found.ttl is not None
            self._known[key] = Entry(found.value, found.modifiedIndex, False, kept)


def read_node(client: V2Client, key: str) -> Any:
    """Return what etcd says of *key* as a majority knows it, ``None`` when it does not exist."""
    try:
        return client.call("read", key, quorum=True)
    except etcd.EtcdKeyNotFound:
        return None


def living_host(name: str, found: Any) -> Host | None:
    """Return the record of a host whose session is alive: without one it has no time to live."""
    return living(name, found.value, found.ttl is not None) if found else None
