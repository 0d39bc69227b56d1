"""Datagram sockets that are in use when their link changes: what they send follows it.

The kernel asks the rules where a socket's first datagram to an address goes, and then keeps to it
for as long as that socket sends. So it is made to forget those that lead to what went.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

from arpanet import Target
from arpanet_ambassador.planes import netlink
from arpanet_ambassador.planes.plane import Frontend, frontend_of

__all__ = ["follow"]

_UDP = "udp"


def follow(links: Mapping[Frontend, Sequence[Target]]) -> None:
    """Let no datagrams of the calling thread's namespace go where its *links* do not lead.

    :raises OSError: the kernel does not tell where they go.
    """
    if not any(one.protocol == _UDP for one in links):
        return
    for flow in netlink.flows(protocol=socket.IPPROTO_UDP):
        frontend = frontend_of(flow.dialled, links.keys(), _UDP)
        if frontend and flow.target not in {(one.ip, one.port) for one in links[frontend]}:
            with suppress(OSError):  # it has ended
                netlink.delete_flow(flow.source, flow.dialled, socket.IPPROTO_UDP)
