"""What comes into directories, as the kernel tells it (inotify)."""

import ctypes
import os
import select
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

__all__ = ["CREATED", "MOVED", "Watch", "entries"]

#: An entry is made; one is moved to where it is, also in the place of another.
CREATED, MOVED = 0x100, 0x80
_ONLYDIR, _CLOEXEC = 0x1000000, 0o2000000
_EVENT = struct.Struct("iIII")


class Watch:
    """What comes into *directories* from now on, until it is closed.

    :param how: :data:`CREATED` or :data:`MOVED`.
    :raises OSError: none of them can be watched.
    """

    def __init__(self, directories: Iterable[Path], how: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = libc.inotify_init1(_CLOEXEC)
        if self._descriptor < 0:
            raise _error("inotify")
        self._watched: dict[int, Path] = {}
        for one in directories:
            number = libc.inotify_add_watch(self._descriptor, os.fsencode(one), how | _ONLYDIR)
            if number >= 0:
                self._watched[number] = one
        if not self._watched:
            problem = _error("no directory")
            os.close(self._descriptor)
            raise problem

    def close(self) -> None:
        """Watch no more."""
        os.close(self._descriptor)

    def come(self, seconds: float | None = None) -> list[Path]:
        """Wait for entries, *seconds* at most; return those that have come.

        :raises OSError: a watch is not there any more.
        """
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        data = os.read(self._descriptor, 1 << 16)
        found = []
        while data:
            number, _, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            data = data[_EVENT.size + length :]
            if number in self._watched and name:
                found.append(self._watched[number] / os.fsdecode(name))
        return found


def entries(directories: Iterable[Path], how: int) -> Iterator[Path]:
    """Yield each entry as it comes into one of *directories*; without an end.

    For the rest, see :class:`Watch`.
    """
    with closing(Watch(directories, how)) as watch:
        while True:
            yield from watch.come()


def _error(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what} can be watched: {os.strerror(code)}")
