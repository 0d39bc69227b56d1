"""Names that links are dialled at, and an address for each, so that two may have one port; pure."""

import ipaddress
import zlib
from collections.abc import Collection, Iterable, Mapping

from arpanet_ambassador.links.declare import CONNECT, Declared
from arpanet_ambassador.links.specs import Service

__all__ = ["allocate", "entries", "lines", "named"]

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


def named(links: Iterable[Declared]) -> tuple[set[str], set[str]]:
    """Return the names that labels give, and those of services that are dialled at localhost.

    What was added to a running container has no name: addresses would not stay as they are.
    """
    given, services = set(), set()
    for link in links:
        if link.added:
            continue
        if link.name:
            given.add(link.name)
        elif link.form == CONNECT and isinstance(link.spec, Service):
            services.add(link.spec.name.lower())
    return given, services


def entries(text: str) -> dict[str, str]:
    """Return name -> the first address that a hosts file has for it, whoever put it there."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name.lower(), address)
    return found


def lines(text: str, addresses: Mapping[str, str]) -> str:
    """Return what is to be added to a hosts file, so that it has *addresses*: name -> address.

    Names that it has already are left alone, whoever put them there.
    """
    there = entries(text)
    missing = {name: addresses[name] for name in sorted(addresses) if name not in there}
    start = "\n" if missing and text and not text.endswith("\n") else ""
    return start + "".join(
        f"{ipaddress.IPv4Address(address)}\t{name}\n" for name, address in missing.items()
    )
