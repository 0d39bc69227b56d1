"""Refusals: the kernel tells which instances answered a SYN of this machine's with a reset.

They leave no socket behind, so no table shows them. What is loaded here carries no link, and goes
with this process, however that ends: nothing of it is pinned.
"""

import errno
import logging
import mmap
import os
import select
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from arpanet_ambassador.planes.socket import bpf
from arpanet_ambassador.planes.socket.layout import Address, MapKind, pack_address, unpack_address
from arpanet_ambassador.planes.socket.maps import Map

__all__ = ["OBJECT", "Refusals"]

log = logging.getLogger(__name__)

#: The compiled program; the Makefile beside it makes it.
OBJECT = Path(__file__).with_name("refusals.bpf.o")
_SECTION, _EVENT = "raw_tp/", "tcp_receive_reset"
#: As refusals.bpf.c has them. The ring has so many bytes, a multiple of every kernel's pages.
_WATCHED = MapKind(bpf.HASH, 20, 8, 8192)
_RING = 65536
_NEVER = bytes(_WATCHED.value)

Told = Callable[[frozenset[Address]], object]


class Refusals:
    """Tells of refusals by what is watched, of each address once a second at most.

    To be used from one thread. A process that ends without :meth:`close` leaves nothing, either.

    :param told: called from a thread of this class.
    :raises OSError: the kernel has none of this, or this process may not.
    :raises ValueError: *blob* is no object.
    """

    def __init__(self, told: Told, blob: bytes | None = None) -> None:
        self._told = told
        self._held: set[Address] = set()
        with ExitStack() as made:
            self._watched = made.enter_context(_watched())
            ring = bpf.make_map(bpf.RING, 0, 0, _RING, 0, "told")
            made.callback(os.close, ring)
            self._end = os.eventfd(0, os.EFD_CLOEXEC)
            made.callback(os.close, self._end)
            self._ring = _Ring(ring)
            maps = {"watched": self._watched.descriptor, "told": ring}
            made.callback(os.close, _attached(blob or OBJECT.read_bytes(), maps))
            self._thread = threading.Thread(
                target=self._listen, args=(ring,), name="refusals", daemon=True
            )
            self._thread.start()
            self._made = made.pop_all()

    def watch(self, wanted: frozenset[Address]) -> None:
        """Tell of these from now on, and of no others; of none for which there is no room."""
        for one in self._held - wanted:
            self._watched.delete(pack_address(one))
        self._held &= wanted
        for one in wanted - self._held:
            try:
                self._watched.set(pack_address(one), _NEVER)
            except OSError as problem:
                if problem.errno != errno.E2BIG:
                    raise
                return
            self._held.add(one)

    def close(self) -> None:
        """Tell nothing more."""
        os.eventfd_write(self._end, 1)
        self._thread.join()
        self._made.close()

    def _listen(self, ring: int) -> None:
        poll = select.poll()
        for descriptor in (ring, self._end):
            poll.register(descriptor, select.POLLIN)
        while all(descriptor != self._end for descriptor, _ in poll.poll()):
            if found := self._ring.take():
                self._told(frozenset(map(unpack_address, found)))


class _Ring:
    """What the program tells: a ring of the kernel's, which stays open.

    Source: linux/kernel/bpf/ringbuf.c: a page with how many bytes were read, which readers write;
    one with how many were written; then the ring, twice, so that no record is in two parts.
    """

    _NUMBER, _HEAD = struct.Struct("=Q"), struct.Struct("=II")
    #: In a record's length: it is being written.
    _BUSY = 1 << 31

    def __init__(self, descriptor: int) -> None:
        self._page = mmap.PAGESIZE
        rest = self._page + 2 * _RING
        self._read = mmap.mmap(descriptor, self._page)
        self._rest = mmap.mmap(descriptor, rest, prot=mmap.PROT_READ, offset=self._page)

    def take(self) -> list[bytes]:
        """Return what was told since, and make room."""
        (read,), (written,) = (self._NUMBER.unpack_from(one) for one in (self._read, self._rest))
        found = []
        while read < written:
            at = self._page + read % _RING
            length, _ = self._HEAD.unpack_from(self._rest, at)
            if length & self._BUSY:
                break
            at += self._HEAD.size
            found.append(self._rest[at : at + length])
            read += (self._HEAD.size + length + 7) // 8 * 8
        self._NUMBER.pack_into(self._read, 0, read)
        return found


def _watched() -> Map:
    kind = _WATCHED
    about = (kind.kind, kind.key, kind.value, kind.entries, kind.flags)
    return Map(bpf.make_map(*about, "watched"), kind)


def _attached(blob: bytes, maps: dict[str, int]) -> int:
    from arpanet_ambassador.planes.socket import objectfile  # takes a while to load

    found = objectfile.read(blob, _SECTION)
    code = found.programs[_EVENT].linked(maps)
    program = bpf.load(code, 0, "refused", found.license, bpf.RAW_TRACEPOINT)
    try:
        return bpf.attach_raw(program, _EVENT)
    finally:
        os.close(program)
