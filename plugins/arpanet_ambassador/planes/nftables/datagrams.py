"""Datagram sockets that are in use when their link changes: what they send follows it.

The kernel asks the rules where a socket's first datagram to an address goes, and then keeps to it
for as long as that socket sends. So it is made to forget those that lead to what went.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

from arpanet import Target
from arpanet_ambassador.planes import netlink
from arpanet_ambassador.planes.plane import LOOPBACK, RESOLVER, Frontend

__all__ = ["follow"]

_UDP = "udp"


def follow(links: Mapping[Frontend, Sequence[Target]]) -> None:
    """Let no datagrams of the calling thread's namespace go where its *links* do not lead.

    :raises OSError: the kernel does not tell where they go.
    """
    leads = {
        (one.address, one.port): {(target.ip, target.port) for target in targets}
        for one, targets in links.items()
        if one.protocol == _UDP
    }
    if not leads:
        return
    for flow in netlink.flows(protocol=socket.IPPROTO_UDP):
        ip, port = flow.dialled
        there = leads.get(flow.dialled)
        if there is None and ip.startswith("127.") and ip != RESOLVER:
            there = leads.get((LOOPBACK, port))
        if there is not None and flow.target not in there:
            with suppress(OSError):  # it has ended
                netlink.delete_flow(flow.source, flow.dialled, socket.IPPROTO_UDP)
