"""One map of the kernel's: entries in, entries out."""

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Iterator
from typing import Self

from arpanet_ambassador.planes.socket import bpf
from arpanet_ambassador.planes.socket.layout import MapKind

__all__ = ["Map"]

_LOOKUP, _UPDATE, _DELETE, _LOOKUP_BATCH = 1, 2, 3, 24
_ENTRY = struct.Struct("=I4xQQQ")
_BATCH = struct.Struct("=QQQQIIQQ")
#: Bytes that are read at a time, at most, unless one bucket of the map is larger.
_CHUNK = 1 << 18
#: No descriptor.
_CLOSED = -1


class Map:
    """A map, by a descriptor that it closes. To be used from one thread, but for :meth:`items`.

    Buffers are kept: most of an update's three microseconds are those of ctypes.
    """

    def __init__(self, descriptor: int, kind: MapKind) -> None:
        self.descriptor, self._kind = descriptor, kind
        self._lock = threading.Lock()
        self._key = ctypes.create_string_buffer(kind.key)
        self._value = ctypes.create_string_buffer(kind.value)
        where = (descriptor, bpf.pointer(self._key))
        self._entry = _buffer(_ENTRY.pack(*where, bpf.pointer(self._value), 0))
        # BPF_MAP_DELETE_ELEM says EINVAL unless everything after the key is zero
        self._gone = _buffer(_ENTRY.pack(*where, 0, 0))

    def close(self) -> None:
        """Let go of it; whoever reads it goes on."""
        with self._lock:
            os.close(self.descriptor)
            self.descriptor = _CLOSED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set(self, key: bytes, value: bytes) -> None:
        """Put an entry, also in the place of another, in one step for whoever reads.

        :raises OSError: with ``E2BIG``: the map is full.
        """
        self._key.raw, self._value.raw = key, value
        bpf.call(_UPDATE, self._entry)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of *key*, ``None`` when there is none."""
        self._key.raw = key
        try:
            bpf.call(_LOOKUP, self._entry)
        except FileNotFoundError:
            return None
        return self._value.raw

    def delete(self, key: bytes) -> bool:
        """Remove an entry; return whether it was there."""
        self._key.raw = key
        try:
            bpf.call(_DELETE, self._gone)
        except FileNotFoundError:
            return False
        return True

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every entry, hundreds of them with one call of the kernel; none of a closed map.

        May be called from any thread: each reader has a descriptor of its own, since the number of
        one that is closed meanwhile is given to another map, or file.
        """
        with self._lock:
            if self.descriptor == _CLOSED:
                return
            descriptor = os.dup(self.descriptor)
        try:
            yield from self._read(descriptor)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> Iterator[tuple[bytes, bytes]]:
        size, value = self._kind.key, self._kind.value
        most = max(16, _CHUNK // (size + value))
        at, following = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
        begun, done = False, False
        while not done:
            keys = ctypes.create_string_buffer(most * size)
            values = ctypes.create_string_buffer(most * value)
            start = bpf.pointer(at) if begun else 0
            places = (start, bpf.pointer(following), bpf.pointer(keys), bpf.pointer(values))
            batch = _buffer(_BATCH.pack(*places, most, descriptor, 0, 0))
            try:
                bpf.call(_LOOKUP_BATCH, batch)
            except FileNotFoundError:
                done = True
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise
                most *= 2  # one bucket holds more than the buffer
                continue
            count = _BATCH.unpack(batch.raw)[4]
            begun, at.raw = True, following.raw
            every, each = keys.raw, values.raw  # each time, it is a copy of the whole buffer
            for place in range(count):
                yield (
                    every[place * size : (place + 1) * size],
                    each[place * value : (place + 1) * value],
                )


def _buffer(data: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(data, len(data))
