"""A container's ``/etc/hosts``: at which address its apps find the ambassador.

Docker writes the address of a ``--link`` there once. An ambassador that was made anew has another
address, and the old one must go on leading somewhere.
"""

import ctypes
import ipaddress
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from arpanet import Container
from arpanet_ambassador.links.addresses import unusable
from arpanet_ambassador.links.declare import owner

__all__ = ["File", "addresses", "read", "wanted"]

_LIMIT = 1 << 16
#: The same number on all machines that are younger than the call (linux/openat2.h).
_OPENAT2 = 437
_RESOLVE_IN_ROOT, _RESOLVE_NO_MAGICLINKS = 0x10, 0x02


class _How(ctypes.Structure):
    """``struct open_how``."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class File:
    """Whose hosts file to look into, and for which names."""

    pid: int
    started: str
    names: frozenset[str]


def wanted(
    containers: Mapping[str, Container], namespaces: Mapping[str, str], ambassador: str
) -> dict[str, File]:
    """Return namespace -> the hosts file that tells where its apps dial *ambassador*; pure."""
    found = {}
    for container in containers.values():
        if any(name[:8].lower() == "backend_" for name in container.env):
            home = owner(container, containers)
            aliases = {alias for name, alias in home.links if name == ambassador}
            names = frozenset(aliases | {ambassador})
            found[namespaces.get(home.id) or home.id] = File(home.pid, home.started, names)
    return found


def read(pid: int) -> str:
    """Return the hosts file that process *pid* sees, ``""`` when it can't be read.

    The file is the container's to write, and so are links on the way to it: they are followed
    within the container's root only, and no more than 64 KiB of a plain file is read. It may lie on
    a file system of the container's own, where a read takes for ever: to be called by a worker.
    """
    try:
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = _open_within(root, "etc/hosts")
        finally:
            os.close(root)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            return os.read(descriptor, _LIMIT).decode(errors="replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def _open_within(root: int, path: str) -> int:
    """Open *path* as a process whose root is *root* would.

    :raises OSError: there is no such file; or the kernel is older than 5.6, which has no such call.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    how = _How(flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    size = ctypes.sizeof(how)
    found: int = libc.syscall(_OPENAT2, root, path.encode(), ctypes.byref(how), size)
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


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
