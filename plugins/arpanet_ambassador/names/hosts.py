"""A container's ``/etc/hosts``: at which address its apps find the ambassador.

Docker writes the address of a ``--link`` there once. An ambassador that was made anew has another
address, and the old one must go on leading somewhere.
"""

import ipaddress
import os
from collections.abc import Collection

from arpanet_ambassador.links.addresses import unusable

__all__ = ["addresses", "read"]

_LIMIT = 1 << 16


def read(pid: int) -> str:
    """Return the hosts file that process *pid* sees, ``""`` when it can't be read.

    The file is the container's to write: never waited for, never more than 64 KiB of it.
    """
    try:
        path = f"/proc/{pid}/root/etc/hosts"
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            return os.read(descriptor, _LIMIT).decode(errors="replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def addresses(text: str, names: Collection[str]) -> frozenset[str]:
    """Return the IPv4 addresses that a hosts file gives to any of *names*."""
    found = set()
    for line in text.splitlines():
        address, *given = line.partition("#")[0].split() or [""]
        if not set(names).isdisjoint(given) and _useful(address):
            found.add(address)
    return frozenset(found)


def _useful(text: str) -> bool:
    try:
        return not unusable(ipaddress.IPv4Address(text))
    except ValueError:
        return False
