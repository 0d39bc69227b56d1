"""Clients and pools, of what is dialled and where that leads: as planes are told of them."""

from collections.abc import Mapping, Sequence

from arpanet_ambassador.planes.plane import Client, Frontend, Home, Pools

from arpanet.records import Target

__all__ = ["leading"]


def leading(
    homes: Mapping[str, tuple[Home, Mapping[Frontend, Sequence[Target]]]],
    addresses: Mapping[str, frozenset[str]] | None = None,
) -> tuple[dict[str, Client], Pools]:
    """Return clients, by their keys, each link with a pool of its own, and the pools."""
    clients, pools = {}, {}
    for key, (home, links) in homes.items():
        names = {frontend: f"{key} {frontend}" for frontend in links}
        pools |= {names[frontend]: tuple(targets) for frontend, targets in links.items()}
        clients[key] = Client(home, names, (addresses or {}).get(key, frozenset()))
    return clients, pools
