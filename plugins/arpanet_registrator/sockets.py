"""The kernel's tables of sockets: ``/proc/net/{tcp,udp}`` and their IPv6 sisters (proc(5))."""

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["ESTABLISHED", "LISTENING", "UNCONNECTED", "Socket", "table"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: States of TCP: connected, the same with the far end having said all that it will, and a listener;
#: of UDP: connected to nobody (``include/net/tcp_states.h``).
ESTABLISHED, LISTENING, UNCONNECTED = ("01", "08"), ("0A",), ("07",)


class Socket(NamedTuple):
    """One end: where it is, and where the other one is."""

    state: str
    address: Address
    port: int
    peer: Address


def table(protocol: str, proc: Path) -> Iterator[Socket]:
    """Yield the sockets of the network namespace that *proc*, some process's ``net``, shows.

    :param protocol: ``tcp`` or ``udp``.
    """
    for name in (protocol, f"{protocol}6"):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6, or no such protocol
            continue
        for line in lines:
            _, local, remote, state = line.split()[:4]
            address, _, port = local.partition(":")
            yield Socket(
                state, _address(address), int(port, 16), _address(remote.partition(":")[0])
            )


def _address(digits: str) -> Address:
    # the kernel prints the words of an address in the byte order of the machine
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return ipaddress.IPv4Address(packed)
    address = ipaddress.IPv6Address(packed)
    return address.ipv4_mapped or address
