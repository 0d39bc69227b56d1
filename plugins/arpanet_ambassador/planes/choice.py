"""Which planes there are, and which of them a host uses."""

from collections.abc import Callable

from arpanet_ambassador.planes.chain import Chain
from arpanet_ambassador.planes.namespaces import Belongs, belongs
from arpanet_ambassador.planes.nftables.plane import Nftables
from arpanet_ambassador.planes.plane import Home, Plane
from arpanet_ambassador.planes.proxy.plane import Proxied

__all__ = ["chain"]


def chain(
    wanted: str, holder: Callable[[], Home | None] | None = None, verify: Belongs = belongs
) -> Chain:
    """Return the planes for a value of ARPANET_PLANE.

    :param wanted: ``auto`` for all of them, else the name of the only one.
    :param holder: finds the container that clients are linked to.
    """
    if wanted == Proxied.name:  # then this process lives in that container's network namespace
        return Chain([Proxied()])
    planes: list[Plane] = [Nftables(verify), Proxied(holder, verify)]
    return Chain([one for one in planes if wanted in ("auto", one.name)])
