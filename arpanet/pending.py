"""What waits for a plugin that is busy; pure.

States are levels: of several that wait, only the newest counts, so a plugin that is slower than
the world is told less often, and never of more than there is. At most one entry waits for each
container, one for each kind of state, and :data:`LIMIT` of plugins' own events.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["LIMIT", "Pending"]

#: Events that are not levels, and so can't stand in for each other: how many may wait.
LIMIT = 1000

REGISTER, DEREGISTER = "arpanet_container_register", "arpanet_container_deregister"
#: Tells the whole, so it goes behind the differences that lead to it.
WHOLES = frozenset({"arpanet_containers_synced", "arpanet_backends_changed", "arpanet_agent_tick"})
#: Tell *before* and *after*: several in a row are one change.
CHANGES = frozenset(
    {"arpanet_services_changed", "arpanet_links_changed", "arpanet_settings_changed"}
)

Payload = Mapping[str, Any]


class Pending:
    """A queue of (hook, payload) in which the newer replaces what it makes pointless.

    :ivar dropped: how many events came when :data:`LIMIT` of their kind waited.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, tuple[str, Payload]] = {}
        self._told: set[str] = set()
        self._number = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, hook: str, payload: Payload) -> None:
        """Let *hook* be called with *payload* in its turn, or its newest state instead."""
        if hook in WHOLES:
            self._waiting.pop(hook, None)
            self._waiting[hook] = (hook, payload)
        elif hook in CHANGES:
            earlier = self._waiting.get(hook)
            merged = {**payload, "before": earlier[1]["before"]} if earlier else payload
            self._waiting[hook] = (hook, merged)
        elif hook in (REGISTER, DEREGISTER):
            self._put_container(hook, payload)
        elif len(self._waiting) < LIMIT:
            self._number += 1
            self._waiting[self._number] = (hook, payload)
        else:
            self.dropped += 1

    def _put_container(self, hook: str, payload: Payload) -> None:
        key = ("container", payload["container"].id)
        self._waiting.pop(key, None)
        if hook == REGISTER or payload["container"].id in self._told:
            self._waiting[key] = (hook, payload)

    def take(self) -> tuple[str, Payload] | None:
        """Return what is to be called next; ``None`` when nothing waits."""
        if not self._waiting:
            return None
        hook, payload = self._waiting.pop(next(iter(self._waiting)))
        if hook == REGISTER:
            self._told.add(payload["container"].id)
        elif hook == DEREGISTER:
            self._told.discard(payload["container"].id)
        return hook, payload
