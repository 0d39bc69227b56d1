"""Clients and what they dial -> what the maps are to hold; pure.

A link leads to a pool, and a pool to targets. Links of many clients to one service, seen alike,
share a pool: when an instance comes or goes, one entry of the kernel's changes, however many
clients there are, and the links with their counters stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice

from arpanet_ambassador.planes.socket.layout import MAPS, MOST_TARGETS, Address, Dialled

__all__ = ["MOST_LINKS", "Links", "Table", "choose", "fitting"]

#: Links that one client may have: far more than anybody declares, far less than all of the map.
MOST_LINKS = 1000


#: What a client dials -> the pool that it leads to.
Links = Mapping[Dialled, str]


@dataclass(frozen=True)
class Table:
    """What the maps are to hold.

    :ivar clients: space -> its links; the same object as before while nothing of it differs.
    :ivar pools: pool -> targets; none: dials are refused.
    :ivar host: the cookie of the host's own namespace, where clients are told apart by cgroup; 0
        without such clients.
    """

    clients: Mapping[int, Links] = field(default_factory=dict)
    pools: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    host: int = 0


def fitting(clients: Mapping[int, Links]) -> tuple[dict[int, Links], dict[Dialled, str]]:
    """Return the links that there is room for; of the others, one sentence that says why."""
    table: dict[int, Links] = {}
    troubles: dict[Dialled, str] = {}
    room = MAPS["links"].entries
    for space, links in clients.items():
        most = min(MOST_LINKS, room)
        table[space] = links
        if len(links) > most:
            troubles |= dict.fromkeys(islice(links, most, None), _too_many(room))
            table[space] = dict(islice(links.items(), most))
        room -= len(table[space])
    return table, troubles


def _too_many(room: int) -> str:
    if room >= MOST_LINKS:
        return f"a container can have {MOST_LINKS} links on the socket plane, and this has more"
    return f"the socket plane carries {MAPS['links'].entries} links of one host, and has them"


def choose(targets: Sequence[Address], seed: str) -> tuple[Address, ...]:
    """Return *targets*, or as many of them as a pool can hold.

    Hosts, told apart by *seed*, choose differently, so that all targets are used; a target that
    comes or goes changes the choice by one at most.
    """

    def rank(target: Address) -> bytes:
        return blake2b(f"{seed} {target}".encode(), digest_size=8).digest()

    if len(targets) <= MOST_TARGETS:
        return tuple(sorted(targets))
    return tuple(sorted(sorted(targets, key=rank)[:MOST_TARGETS]))
