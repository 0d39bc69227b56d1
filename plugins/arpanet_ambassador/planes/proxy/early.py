"""Dials of ports that nobody listens on yet: taken all the same, and held with the others.

For the proxy alone the ambassador sees nothing of the host but Docker's API, which tells of a start
after the first instruction, and answers no question about a container while it starts. So nobody
can know in time at which ports to listen; the kernel gives one listener what others would refuse
(TPROXY), and who dials is held until Docker tells who it is.

The rules are in the namespace of what clients are linked to, where the ambassador is, too. They
stay when it ends; without a listener the kernel takes no notice of them. An ambassador that has
another plane takes them away, and so does ``slave stop``, where that namespace lives on.
"""

import logging
import socket

from arpanet_ambassador.planes import netlink
from arpanet_ambassador.planes.nftables import nft

__all__ = ["forget", "listener"]

log = logging.getLogger(__name__)

TABLE = "arpanet_early"
#: linux/in.h
_IP_TRANSPARENT = 19


def listener(host: str = "0.0.0.0") -> socket.socket | None:
    """Return what takes dials of all TCP ports on which nobody else listens in this namespace.

    What is accepted has the port that was dialled as its own. ``None``: the kernel can't, or may
    not; then a client's dial is refused until Docker has told of it.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)
        # what is accepted has it, too: else nobody could listen on its port while it is held
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, 0))
        made.listen(socket.SOMAXCONN)
        nft.run(rules(made.getsockname()[1]))
    except (OSError, nft.NftError) as problem:
        made.close()
        log.warning("clients that dial before Docker tells of them may be refused: %s", problem)
        return None
    return made


def forget() -> None:
    """Take the rules away from this namespace; content where there are none.

    :raises OSError: the kernel says no; or a :class:`~.nft.NftError`.
    """
    if any(netlink.chains(TABLE)):
        nft.run(f"delete table ip {TABLE}\n")


def rules(port: int) -> str:
    """Return the transaction that gives dials of ports that nobody listens on to *port*; pure."""
    return (
        f"add table ip {TABLE}\n"
        f"delete table ip {TABLE}\n"
        f"table ip {TABLE} {{\n"
        "\tchain dialled {\n"
        "\t\ttype filter hook prerouting priority -150; policy accept;\n"
        "\t\ttcp flags & (fin | syn | rst | ack) != syn accept\n"
        '\t\tiifname "lo" accept\n'
        "\t\tsocket transparent 0 accept\n"  # somebody listens there
        f"\t\ttcp dport 1-65535 tproxy to :{port}\n"
        "\t}\n"
        "}\n"
    )
