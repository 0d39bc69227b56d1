"""What this host's own network looks like."""

import errno
import socket
import struct
from pathlib import Path

from arpanet.errors import SettingsError

__all__ = ["check_local", "default_address", "port_free"]


def default_address(routes: Path = Path("/proc/net/route")) -> str:
    """Return the IPv4 address of the interface that holds the default route.

    :raises SettingsError: there is no default route.
    """
    for line in routes.read_text().splitlines()[1:]:
        interface, destination, gateway, *_, mask = line.split()[:8]
        if destination == mask == "00000000":
            hop = socket.inet_ntoa(struct.pack("<I", int(gateway, 16)))
            # connecting a datagram socket sends nothing: the kernel only picks the source address
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
                probe.connect((hop if gateway != "00000000" else "192.0.2.1", 9))
                return str(probe.getsockname()[0])
    raise SettingsError(
        "ARPANET_IP is not set, and there is no default route to guess it from",
        "set it to this host's address on the network that the hosts share",
    )


def check_local(ip: str) -> None:
    """Refuse an ARPANET_IP that is not this host's.

    :raises SettingsError: no interface has the address *ip*.
    """
    if not _bindable(ip, 0):
        raise SettingsError(
            f"ARPANET_IP={ip} is not an address of this host", "'ip -brief address' lists them"
        )


def port_free(ip: str, port: int) -> bool:
    """Return whether a server could listen on *ip*:*port* now."""
    return _bindable(ip, port)


def _bindable(ip: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as problem:
            if problem.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                return False
            raise
    return True
