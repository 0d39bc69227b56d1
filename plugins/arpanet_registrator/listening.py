"""Who listens on the host's network: ``/proc/net/{tcp,udp}`` and their IPv6 sisters (proc(5))."""

import ipaddress
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from arpanet_registrator.instances import Listening

__all__ = ["listening"]

#: Socket states in these files: a tcp listener, and a udp socket that is connected to nobody.
_STATES = {"tcp": "0A", "udp": "07"}


def listening(ip: str, proc: Path = Path("/proc/net")) -> Listening:
    """Return a function that tells whether a server answers at *ip*, as of its first call.

    A socket on the IPv6 wildcard takes IPv4 as well, unless it says otherwise, which
    ``/proc`` does not show.
    """
    wanted = {ipaddress.ip_address(text) for text in (ip, "::")}
    if ":" not in ip:
        wanted.add(ipaddress.ip_address("0.0.0.0"))

    @cache
    def ports(protocol: str) -> frozenset[int]:
        return frozenset(p for address, p in _sockets(protocol, proc) if address in wanted)

    return lambda port, protocol: port in ports(protocol)


def _sockets(
    protocol: str, proc: Path
) -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    for name in (protocol, f"{protocol}6"):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6, or no such protocol
            continue
        for line in lines:
            _, local, _, state = line.split()[:4]
            if state == _STATES[protocol]:
                address, _, port = local.partition(":")
                yield _address(address), int(port, 16)


def _address(digits: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # the kernel prints the words of an address in the byte order of the machine
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return ipaddress.IPv4Address(packed)
    address = ipaddress.IPv6Address(packed)
    return address.ipv4_mapped or address
