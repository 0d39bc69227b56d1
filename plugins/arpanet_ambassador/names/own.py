"""Addresses for names that links are dialled at: one each, so that two may have one port."""

import zlib
from collections.abc import Collection

__all__ = ["allocate"]

#: 127.77.0.0/16: loopback, so no host is shadowed by it, and nobody else's habit.
_PREFIX = "127.77"


def allocate(names: Collection[str]) -> dict[str, str]:
    """Return name -> address, each another one; pure.

    The names are on a container's labels, which never change, so neither do the addresses: apps and
    hosts files may keep them.
    """
    found: dict[str, str] = {}
    taken: set[int] = set()
    for name in sorted(names):
        number = zlib.crc32(name.encode()) & 0xFFFF
        while number in taken or number & 0xFF in (0, 255):
            number = (number + 1) & 0xFFFF
        taken.add(number)
        found[name] = f"{_PREFIX}.{number >> 8}.{number & 0xFF}"
    return found
