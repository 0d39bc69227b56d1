"""Which planes there are, and which of them a host uses."""

import socket
from collections.abc import Callable

from arpanet_ambassador.planes.chain import Chain
from arpanet_ambassador.planes.namespaces import Belongs, belongs
from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import Home, Plane
from arpanet_ambassador.planes.proxy.plane import Proxied
from arpanet_ambassador.planes.socket.host import Host
from arpanet_ambassador.planes.socket.plane import Sockets

__all__ = ["chain"]


def chain(
    wanted: str,
    holder: Callable[[], Home | None] | None = None,
    verify: Belongs = belongs,
    host: Host | None = None,
    early: Callable[[], socket.socket | None] | None = None,
) -> Chain:
    """Return the planes for a value of ARPANET_PLANE.

    :param wanted: ``auto`` for all of them, else the name of the only one.
    :param holder: finds the container that clients are linked to.
    :param host: this host, where it is not that of process 1.
    :param early: for the proxy alone: makes what takes dials of all other ports.
    """
    if wanted == Proxied.name:  # then this process lives in that container's network namespace
        return Chain([Proxied(listener=early)])
    planes: list[Plane] = [Sockets(verify, host), Nftables(verify), Proxied(holder, verify)]
    used = [one for one in planes if wanted in ("auto", one.name)]
    return Chain(used, [one for one in planes if one not in used])
