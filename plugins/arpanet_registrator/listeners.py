"""Who listens on the host's network."""

import ipaddress
from functools import cache
from pathlib import Path

from arpanet_registrator.instances import Listening
from arpanet_registrator.newcomers import STATES
from arpanet_registrator.sockets import table

__all__ = ["listening"]


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
        found = (one for one in table(protocol, proc) if one.state in STATES[protocol])
        return frozenset(one.port for one in found if one.address in wanted)

    return lambda port, protocol: port in ports(protocol)
