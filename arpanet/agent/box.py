"""Memory that an agent shares with its supervisor, and that outlives the agent.

It holds how often the agent's deciding thread has moved, and which plugin is in which hook right
now. Memory rather than a file: writing it needs no space, no descriptor and no system call.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Box"]

#: How many calls can be noted at a time, and the bytes for each.
SLOTS, WIDTH = 64, 256
_BEATS = struct.Struct("=Q")
SIZE = _BEATS.size + SLOTS * WIDTH


class Box:
    """One agent's box.

    :param fd: a file of :data:`SIZE` bytes; -1: memory of this process alone.
    """

    def __init__(self, fd: int = -1) -> None:
        self._memory = mmap.mmap(fd, SIZE)
        self._free = list(range(SLOTS))

    @staticmethod
    def create() -> int:
        """Return the descriptor of an empty box, which a child process may inherit."""
        fd = os.memfd_create("arpanet-agent")
        os.ftruncate(fd, SIZE)
        os.set_inheritable(fd, True)
        return fd

    # -- the agent's side ------------------------------------------------------------------------

    def beat(self) -> None:
        """Note that the deciding thread moves; called by that thread alone."""
        _BEATS.pack_into(self._memory, 0, self.beats + 1)

    @contextmanager
    def calling(self, plugin: str, hook: str) -> Iterator[None]:
        """Note, while it lasts, that *plugin* is in *hook*; may be called by any thread."""
        try:
            slot = self._free.pop()
        except IndexError:  # more plugins than slots: this call goes unnoted
            yield
            return
        words = f"{plugin}\0{hook}".encode()[:WIDTH]
        self._write(slot, words.ljust(WIDTH, b"\0"))
        try:
            yield
        finally:
            self._write(slot, bytes(WIDTH))
            self._free.append(slot)

    def forget(self) -> None:
        """Note that the agent ends of its own accord: whoever is in a call is not the reason."""
        self._memory[_BEATS.size :] = bytes(SLOTS * WIDTH)

    def _write(self, slot: int, content: bytes) -> None:
        at = _BEATS.size + slot * WIDTH
        self._memory[at : at + WIDTH] = content

    # -- the supervisor's side -------------------------------------------------------------------

    @property
    def beats(self) -> int:
        """How often the deciding thread has moved; 0: it has not begun."""
        return int(_BEATS.unpack_from(self._memory, 0)[0])

    def calls(self) -> list[tuple[str, str]]:
        """Return (plugin, hook) of each call that has begun and not ended."""
        found = []
        for slot in range(SLOTS):
            at = _BEATS.size + slot * WIDTH
            words = self._memory[at : at + WIDTH].rstrip(b"\0").decode(errors="replace")
            if words:
                plugin, _, hook = words.partition("\0")
                found.append((plugin, hook))
        return found

    def clear(self) -> None:
        """Make it empty, for the next agent."""
        self._memory[:] = bytes(SIZE)
