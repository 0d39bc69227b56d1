"""What an exchange of this host's etcd is about, on its disk until it is over.

One that is killed in the middle leaves it behind: whoever comes next knows what ran before, also
where etcd's container is gone just then, and no master answers.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arpanet import ArpanetError, codec, replacing
from arpanet_etcd.masters.image import Image

__all__ = ["Exchange", "begun", "kept"]


@dataclass(frozen=True)
class Exchange:
    """One etcd for another.

    :ivar formation: etcd's flags of how the cluster was formed, which both are started with.
    """

    before: Image
    new: Image
    formation: tuple[str, ...]


def begun(file: Path) -> Exchange | None:
    """Return what was begun and is not over; ``None``: nothing, or it can't be told any more."""
    try:
        said = codec.parse(file.read_text())
        return Exchange(_image(said["before"]), _image(said["new"]), tuple(said["formation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def kept(file: Path, exchange: Exchange) -> Iterator[None]:
    """Keep it in *file* until the block ends, or fails as it may; not until it is interrupted.

    :raises ArpanetError: it can't be kept.
    """
    try:
        with replacing(file) as out:
            out.write(json.dumps(asdict(exchange)).encode())
    except OSError as problem:
        raise ArpanetError(f"{file} can't be written: {problem.strerror}") from problem
    try:
        yield
    except ArpanetError:
        file.unlink(missing_ok=True)
        raise
    file.unlink(missing_ok=True)


def _image(said: dict[str, Any]) -> Image:
    major, minor, patch = map(int, said["version"])
    return Image(str(said["tag"]), (major, minor, patch))
