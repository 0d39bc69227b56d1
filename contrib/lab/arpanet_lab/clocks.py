"""A host's clock on the wall, put forward or back while all that runs there goes on.

The kernel has one such clock for all hosts. But hardly any process asks the kernel what time it is:
it calls code that the kernel has mapped into it (vdso(7)). In each process of one host that code is
replaced by some that asks the kernel, and adds so many seconds; how long things take, which is
asked of another clock, stays as it is. That reaches what no LD_PRELOAD does: what is linked
statically, as all that is written in Go, and what runs already.
"""

import os
import platform
import signal
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from arpanet import ArpanetError

__all__ = ["POSSIBLE", "jumped"]

#: Whether :func:`jumped` knows this machine's instructions.
POSSIBLE = platform.machine() == "x86_64"

#: Seconds between two looks for processes that have begun, or have become another program.
_EVERY = 0.1
#: How often, and for how many seconds each, a process is stopped to be changed.
_TRIES, _STOPPED = 50, 0.1
#: x86-64, by the name of what it replaces; the seconds to be added go where it says ``{}``.
_CODE = {
    # clock_gettime(edi: clock, rsi: result): REALTIME, REALTIME_COARSE and TAI are on the wall
    "__vdso_clock_gettime": (
        "b8e4000000 0f05 85c0 7515 85ff 740a 83ff05 7405 83ff0b 7507 488106{} c3"
    ),
    # gettimeofday(rdi: result, rsi: zone); there may be no result
    "__vdso_gettimeofday": "b860000000 0f05 4885ff 7407 488107{} c3",
    # time(rdi: result, or none)
    "__vdso_time": "b8c9000000 0f05 4805{} 4885ff 7403 488907 c3",
}


class _Patch(NamedTuple):
    """*at*: from where it is mapped; *true*: what the kernel has there; *set*: what goes there."""

    at: int
    true: bytes
    set: bytes


@contextmanager
def jumped(root: int, seconds: int) -> Iterator[None]:
    """Let all descendants of a process see a clock that is *seconds* ahead, for as long.

    Those that begin meanwhile see the true one for a tenth of a second. What only the kernel looks
    at (the times of files, timers set to a time of day) stays true, as does what enters a host from
    outside: what a lab measures with.

    :raises ArpanetError: this machine's processors, or its kernel's code, are not known.
    """
    patches = _patches(seconds)
    over = threading.Event()

    def sweep() -> None:
        while not over.wait(_EVERY):
            _put(root, patches, True)

    sweeper = threading.Thread(target=sweep, name="clocks")
    _put(root, patches, True)
    sweeper.start()
    try:
        yield
    finally:
        over.set()
        sweeper.join()
        _put(root, patches, False)


def _patches(seconds: int) -> list[_Patch]:
    mapped = _mapped(os.getpid()) if POSSIBLE else None
    if mapped is None:
        raise ArpanetError("processes of this machine can't be given another clock")
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        memory.seek(mapped[0])
        image = memory.read(mapped[1] - mapped[0])
    section = ELFFile(BytesIO(image)).get_section_by_name(".dynsym")
    table = section if isinstance(section, SymbolTableSection) else None
    symbols = {one.name: one for one in table.iter_symbols()} if table else {}
    found = []
    for name, text in _CODE.items():
        code = bytes.fromhex(text.format(struct.pack("<i", seconds).hex()))
        symbol = symbols.get(name)
        if symbol is None or symbol["st_size"] < len(code):
            raise ArpanetError(f"this kernel's {name} is not what a clock can be set in")
        at = symbol["st_value"]
        found.append(_Patch(at, image[at : at + len(code)], code))
    return found


def _mapped(pid: int) -> tuple[int, int] | None:
    """Return where the kernel's code is in a process; a zombie has none."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith("[vdso]"):
            begin, end = line.split()[0].split("-")
            return int(begin, 16), int(end, 16)
    return None


def _put(root: int, patches: list[_Patch], ahead: bool) -> None:
    for pid in _descendants(root):
        with suppress(OSError):  # it has ended
            _put_one(pid, patches, ahead)


def _put_one(pid: int, patches: list[_Patch], ahead: bool) -> None:
    mapped = _mapped(pid)
    if mapped is None:
        return
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    try:
        todo = {
            mapped[0] + one.at: one.set if ahead else one.true
            for one in patches
            if os.pread(memory, len(one.true), mapped[0] + one.at)
            == (one.true if ahead else one.set)
        }
        for _ in range(_TRIES if todo else 0):
            with _stopped(pid):
                if _outside(pid, todo):
                    for at, code in todo.items():
                        os.pwrite(memory, code, at)
                    return
    finally:
        os.close(memory)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _outside(pid: int, codes: Mapping[int, bytes]) -> bool:
    """Return whether a process that was told to stop has, no thread within what is replaced."""
    deadline = time.monotonic() + _STOPPED
    while time.monotonic() < deadline:
        said = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/syscall")]
        if all(one != "running\n" for one in said):
            counters = [int(one.split()[-1], 16) for one in said]
            return not any(a <= c < a + len(code) for c in counters for a, code in codes.items())
        time.sleep(0.001)
    return False


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [root]
    for one in found:  # grows
        found += children.get(one, ())
    return found[1:]
