"""Which shared libraries a program needs, asked of the very loader that will load them.

``ldd`` is a script around the same question; the loader itself answers in a millisecond.
"""

import re
import subprocess
from contextlib import suppress
from pathlib import Path

from arpanet.errors import ArpanetError

__all__ = ["interpreter", "libraries", "shebang"]

#: Seconds that a loader may take to list what one file needs.
LISTING = 20
#: Opened by the C library itself while it runs, so no file names them.
UNNAMED = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2")


def interpreter(path: Path) -> Path | None:
    """Return the loader that an ELF program names, ``None`` for a static one or no ELF at all."""
    # most commands pack nothing, and these modules take a tenth of a command's start
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    # no ELF file at all, or one that is cut short
    with path.open("rb") as file, suppress(ELFError, ConstructError):
        for one in ELFFile(file).iter_segments("PT_INTERP"):
            if isinstance(one, InterpSegment):
                return Path(one.get_interp_name())
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
