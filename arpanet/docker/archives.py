"""Tar archives that Docker sends in parts, read as they come."""

import io
import tarfile
from collections.abc import Iterator
from typing import IO, Any

__all__ = ["Chunks", "first_file"]


class Chunks(io.RawIOBase):
    """A stream to read from, of parts as they come."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* with what is there, wait for more only when nothing is."""
        while not self._left:
            try:
                self._left = next(self._parts)
            except StopIteration:
                return 0
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


def first_file(archive: IO[bytes]) -> bytes | None:
    """Return the content of the file that a tar archive begins with, ``None``: it is no file."""
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        first = tar.next()
        content = tar.extractfile(first) if first and first.isfile() else None
        return content.read() if content else None
