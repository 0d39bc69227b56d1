"""A seat in etcd's v2 store: a key with a time to live and a value of its holder's own.

v2 has no transactions: a note is written right after a proof that the seat is held.
"""

import platform
import uuid
from contextlib import suppress

import etcd

from arpanet_etcd.client.wire import Unanswered
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.v2.client import V2Client
from arpanet_etcd.registry.v2.writer import CONFLICT, read_node

__all__ = ["V2Seat"]


class V2Seat:
    """See :class:`arpanet_etcd.registry.store.Seat`."""

    def __init__(self, client: V2Client, layout: Layout, name: str, ttl: int) -> None:
        self._client, self._ttl = client, ttl
        self._key, self._note = layout.leader(name), layout.note(name)
        self._holder = f"{platform.node()} {uuid.uuid4()}"

    def hold(self) -> bool:
        """Refresh it where it is own, take it where it is free."""
        found = read_node(self._client, self._key)
        if found is not None:
            return found.value == self._holder and self._refresh()
        try:
            self._client.call(
                "write", self._key, retry=False, value=self._holder, ttl=self._ttl, prevExist=False
            )
        except (Unanswered, *CONFLICT):  # the next read tells
            return False
        return True

    def _refresh(self) -> bool:
        try:
            node = self._client.call("refresh", self._key, ttl=self._ttl)
        except etcd.EtcdKeyNotFound:
            return False
        return bool(node.value == self._holder)

    def release(self) -> None:
        """Delete the key where it is own."""
        with suppress(*CONFLICT):
            self._client.call("delete", self._key, prevValue=self._holder)

    def recall(self) -> str:
        """Return the note."""
        found = read_node(self._client, self._note)
        return str(found.value) if found else ""

    def keep(self, note: str) -> bool:
        """Write the note, once the seat is known to be held."""
        held = self._refresh()
        if held:
            self._client.call("write", self._note, value=note)
        return held
