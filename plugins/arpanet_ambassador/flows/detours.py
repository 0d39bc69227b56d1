"""Dials that were under way when an instance fell silent: they end at one that answers.

From a cut, or a host's last breath, until an instance is seen to be silent takes some seconds; what
was begun meanwhile waits, and is asked for again by the kernel each second.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from arpanet_ambassador.flows.dialling import Endpoint
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.planes import detour, namespaces
from arpanet_ambassador.planes.namespaces import Gone
from arpanet_ambassador.planes.plane import Client, Home, Pools

__all__ = ["Detours", "left", "moves"]

log = logging.getLogger(__name__)

#: What is silent -> those that are there instead.
Moves = Mapping[Endpoint, Sequence[Endpoint]]


def left(before: Pools, now: Pools, silent: Collection[Endpoint]) -> dict[str, frozenset[Endpoint]]:
    """Return pool -> what went out of it since it is *silent*; pure."""
    found = {}
    for name, targets in now.items():
        if before.get(name, targets) is not targets:
            gone = {(one.ip, one.port) for one in before[name]}
            gone -= {(one.ip, one.port) for one in targets}
            if gone := gone.intersection(silent):
                found[name] = frozenset(gone)
    return found


def moves(client: Client, out: Mapping[str, Collection[Endpoint]], now: Pools) -> Moves:
    """Return where dials of *client* go instead, of what went *out* of its pools; pure.

    A connected socket does not tell which link it is of: it goes where all of those lead that may
    have been.
    """
    found: dict[Endpoint, set[Endpoint]] = {}
    for frontend, pool in client.links.items():
        if frontend.protocol == "tcp":
            for one in out.get(pool, ()):
                there = {(target.ip, target.port) for target in now[pool] if ":" not in target.ip}
                found[one] = found.get(one, there) & there
    return {one: sorted(there) for one, there in found.items() if ":" not in one[0]}


class Detours:
    """Follows the plan. To be used from the agent's thread.

    :param linked: tells whom each client's sockets are connected to by links alone, by namespace.
    """

    def __init__(
        self,
        linked: Callable[[], Mapping[str, frozenset[Endpoint]]],
        verify: namespaces.Belongs = namespaces.belongs,
    ) -> None:
        self._linked, self._verify = linked, verify
        self._pools: Pools = {}

    def look(self, plan: Plan) -> None:
        """See to dials under way where a link just lost what is silent. Returns at once."""
        before, self._pools = self._pools, plan.pools
        silent = plan.world.silent.get("tcp") if plan.world else None
        if not silent or before is plan.pools:
            return
        if out := left(before, plan.pools, silent):
            found = {
                key: (client, one)
                for key, client in plan.clients.items()
                if not client.home.shared and (one := moves(client, out, plan.pools))
            }
            threading.Thread(target=self._lead, args=(found,), name="detours", daemon=True).start()

    def _lead(self, found: Mapping[str, tuple[Client, Moves]]) -> None:
        try:
            linked = self._linked()
            work: dict[Home, Callable[[], tuple[int, int]]] = {}
            for key, (client, one) in found.items():
                mine = linked.get(key, frozenset())
                work[client.home] = partial(detour.lead, one, frozenset(client.links), mine)
            if young := self._tell(namespaces.visit_all(work, self._verify)):
                time.sleep(2 * detour.YOUNG)
                again = {home: work[home] for home in young}
                self._tell(namespaces.visit_all(again, self._verify))
        except Exception:
            if threading.main_thread().is_alive():  # else it failed since the process ends
                log.exception("leading dials under way elsewhere failed")

    def _tell(self, came: Mapping[Home, tuple[int, int] | Exception]) -> list[Home]:
        """Log what came of it; return those with dials that are too young yet."""
        young = []
        for home, one in came.items():
            if isinstance(one, Exception):
                if not isinstance(one, Gone):
                    words = "container %.12s: what it dialled just now stays where it is: %s"
                    log.warning(words, home.container, one)
                continue
            count, left = one
            if count:
                words = "container %.12s: led %d dials to others, for what does not answer"
                log.info(words, home.container, count)
            if left:
                young.append(home)
        return young
