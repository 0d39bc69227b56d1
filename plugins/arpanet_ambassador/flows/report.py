"""Who talks to whom, and how often each link was used, as the socket plane tells it. Pure."""

import heapq
from collections.abc import Collection, Mapping
from typing import Any

from arpanet import hostport
from arpanet_ambassador.links.plan import Plan
from arpanet_ambassador.planes.plane import Frontend
from arpanet_ambassador.planes.socket.layout import LOCALHOST, Seen, Use

__all__ = ["counted", "flows"]

Uses = Mapping[tuple[str, Frontend], Use]

#: How many flows are told, those seen last: the kernel may know 32,768 of them.
LATEST = 1000


def flows(
    seen: Collection[Seen], plan: Plan, containers: Mapping[str, str], began: float
) -> list[dict[str, Any]]:
    """Return a row for each flow, the latest first; of more than :data:`LATEST`, for these.

    :param containers: id -> name.
    :param began: what is to be added to a time of the monotonic clock, for seconds since the epoch.
    """
    ids = {(t.ip, t.port): t.instance for way in plan.ways for t in way.targets}
    rows = []
    for one in heapq.nlargest(LATEST, seen, key=lambda one: one.traffic.last):
        home = plan.clients[one.client].home.container if one.client in plan.clients else ""
        named = {address: name for name, address in plan.names.get(one.client, {}).items()}
        dialled = named.get(one.dialled.address, _shown(one.dialled.address))
        rows.append(
            {
                "client": containers.get(home, home),
                "dialled": hostport.joined(dialled, one.dialled.port),
                "protocol": one.dialled.protocol,
                "target": hostport.joined(*one.target) if one.target else "refused",
                "instance": ids.get(one.target, "") if one.target else "",
                "count": one.traffic.times,
                "last": round(began + one.traffic.last, 3),
            }
        )
    return sorted(rows, key=lambda row: (-float(row["last"]), str(row["client"])))


def counted(uses: Uses, plan: Plan, began: float) -> list[dict[str, Any]]:
    """Return, for each link that the socket plane carries, what it is known by and its counters."""
    rows = []
    for link, dialled in zip(plan.ground.links, plan.ground.frontends, strict=True):
        found = [uses.get((link.namespace, frontend)) for frontend in dialled]
        if known := [use for use in found if use]:
            last = max(use.last for use in known)
            rows.append(
                {
                    "client": link.client,
                    "dials": link.dials,
                    "made": sum(use.made for use in known),
                    "refused": sum(use.refused for use in known),
                    "last": round(began + last, 3) if last else 0.0,
                }
            )
    return rows


def _shown(address: str) -> str:
    return "localhost" if address in (LOCALHOST, "::1") else address
