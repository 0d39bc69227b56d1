"""What comes into directories, as the kernel tells it (inotify)."""

import ctypes
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = ["CREATED", "MOVED", "entries"]

#: An entry is made; one is moved to where it is, also in the place of another.
CREATED, MOVED = 0x100, 0x80
_ONLYDIR, _CLOEXEC = 0x1000000, 0o2000000
_EVENT = struct.Struct("iIII")


def entries(
    directories: Iterable[Path], how: int, ready: Callable[[], object] = lambda: None
) -> Iterator[Path]:
    """Yield each entry as it comes into one of *directories*; without an end.

    :param how: :data:`CREATED` or :data:`MOVED`.
    :param ready: called once, when nothing that comes is missed any more.
    :raises OSError: none of them can be watched.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(_CLOEXEC)
    if descriptor < 0:
        raise _error("inotify")
    try:
        watched: dict[int, Path] = {}
        for one in directories:
            number = libc.inotify_add_watch(descriptor, os.fsencode(one), how | _ONLYDIR)
            if number >= 0:
                watched[number] = one
        if not watched:
            raise _error("no directory")
        ready()
        while True:
            data = os.read(descriptor, 1 << 16)
            while data:
                number, _, _, length = _EVENT.unpack_from(data)
                name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
                data = data[_EVENT.size + length :]
                if number in watched and name:
                    yield watched[number] / os.fsdecode(name)
    finally:
        os.close(descriptor)


def _error(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what} can be watched: {os.strerror(code)}")
