"""A seat in etcd's v3 store: a key under a lease of its holder."""

import platform

from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import Unanswered
from arpanet_etcd.registry.keys import Layout

__all__ = ["V3Seat"]


class V3Seat:
    """See :class:`arpanet_etcd.registry.store.Seat`."""

    def __init__(self, gateway: Gateway, layout: Layout, name: str, ttl: int) -> None:
        self._gateway, self._ttl = gateway, ttl
        self._key, self._note = layout.leader(name), layout.note(name)
        self._lease = 0

    def hold(self) -> bool:
        """One read and one keepalive for who holds it, one read for who does not."""
        found = self._gateway.get(self._key)
        if found:
            own = found.lease == self._lease != 0
            return own and self._gateway.keepalive(self._lease) > 0
        self._lease = self._gateway.grant(self._ttl)
        try:
            return self._gateway.txn(
                [wire.absent(self._key)],
                [wire.put_op(self._key, platform.node(), self._lease)],
            ).succeeded
        except Unanswered:  # the next read tells
            return False

    def release(self) -> None:
        """End the lease, and with it the key."""
        if self._lease:
            self._gateway.revoke(self._lease)

    def recall(self) -> str:
        """Return the note."""
        found = self._gateway.get(self._note)
        return found.value if found else ""

    def keep(self, note: str) -> bool:
        """Write the note, only where the seat is still held."""
        return self._gateway.txn(
            [wire.held_by(self._key, self._lease)], [wire.put_op(self._note, note)]
        ).succeeded
