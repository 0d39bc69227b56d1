"""A sign of life in etcd's v3 store: a lease of a day, which a key lives with, begun anew."""

import time
from collections.abc import Callable

from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.registry.presence import DAY

__all__ = ["V3Pulse"]

#: Seconds between two looks at whether the key is there: somebody may have deleted it. So an agent
#: that asks etcd nothing else keeps its token, too: one that is not used for 300 seconds is
#: forgotten, and another is a write in the masters' log.
LOOK = 120.0


class V3Pulse:
    """See :class:`arpanet_etcd.registry.store.Pulse`."""

    def __init__(
        self, gateway: Gateway, key: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gateway, self._key, self._clock = gateway, key, clock
        self._lease = 0
        self._look_at = 0.0

    def beat(self) -> None:
        """One keepalive, which costs the masters no write."""
        if self._clock() >= self._look_at or not self._gateway.keepalive(self._lease):
            self._begin()

    def _begin(self) -> None:
        """Go on with the lease that is there: an agent's successor leaves none behind."""
        found = self._gateway.get(self._key)
        self._lease = found.lease if found else 0
        if not (self._lease and self._gateway.keepalive(self._lease)):
            self._lease = self._gateway.grant(DAY)
            self._gateway.put(self._key, "", self._lease)
        self._look_at = self._clock() + LOOK
