"""Which shared libraries a program needs, asked of the very loader that will load them.

``ldd`` is a script around the same question; the loader itself answers in a millisecond.
"""

import re
import struct
import subprocess
from pathlib import Path

from arpanet.errors import ArpanetError

__all__ = ["interpreter", "libraries", "shebang"]

PT_INTERP = 3
#: Type, offset and size in the file out of a program header, by "is it a 64-bit one?".
PROGRAM = {False: "I I 8x I", True: "I 4x Q 16x Q"}
#: Seconds that a loader may take to list what one file needs.
LISTING = 20
#: Opened by the C library itself while it runs, so no file names them.
UNNAMED = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2")


def interpreter(path: Path) -> Path | None:
    """Return the loader that an ELF program names, ``None`` for a static one or no ELF at all.

    Source: the ELF specification, "ELF Header" and "Program Header"; both word sizes, both orders.
    """
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:4] != b"\x7fELF":
            return None
        wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
        fields = struct.unpack_from(order + ("HHIQQQIHHH" if wide else "HHIIIIIHHH"), head, 16)
        table, size, count = fields[4], fields[8], fields[9]
        for at in range(count):
            file.seek(table + at * size)
            program = file.read(struct.calcsize(order + PROGRAM[wide]))
            kind, start, length = struct.unpack(order + PROGRAM[wide], program)
            if kind == PT_INTERP:
                file.seek(start)
                return Path(file.read(length).rstrip(b"\0").decode())
    return None


def shebang(path: Path) -> str | None:
    """Return the program that a script names in its first line, ``None`` when it is no script."""
    with path.open("rb") as file:
        if file.read(2) != b"#!":
            return None
        return file.readline(256).decode(errors="replace").split()[0]


def libraries(path: Path, loader: Path, optional: bool = False) -> set[Path]:
    """Return the shared libraries that *path* needs, directly or not, as *loader* finds them here.

    :param optional: leave out those that are missing here too.
    :raises ArpanetError: a library is missing, or the loader fails.
    """
    listing = subprocess.run(
        [loader, "--list", path], capture_output=True, text=True, timeout=LISTING, check=False
    )
    if listing.returncode and not optional:
        problem = (listing.stderr.strip() or listing.stdout.strip()).splitlines()
        raise ArpanetError(f"the libraries of {path} cannot be listed: {' '.join(problem[-1:])}")
    if "not found" in listing.stdout and not optional:
        line = next(one for one in listing.stdout.splitlines() if "not found" in one)
        raise ArpanetError(f"{path} lacks a library: {line.strip()}", "install its package again")
    found = {Path(one) for one in re.findall(r"(?:=>|^)\s*(/[^\s(]+)", listing.stdout, re.M)}
    beside = {one.parent for one in found if one.name.startswith("libc.so")}
    return found | {each / name for each in beside for name in UNNAMED if (each / name).exists()}
