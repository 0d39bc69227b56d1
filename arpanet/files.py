"""Files that are replaced as a whole, and for good."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file, its owner's alone, that takes the place of *path* once the block is done.

    Whoever reads *path* finds the old content or the new one, also after a power cut at any moment:
    the new one is on the disk before it has the name, and then the name is. Where the block raises,
    *path* is as it was, and nothing is left beside it.

    :raises OSError: it can't be written: the disk is full, or *path*'s directory not there.
    """
    number, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(number)
        Path(fresh).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(fresh).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
