"""Files of Docker and its runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arpanet import Container, codec
from arpanet_ambassador.starting.describing import described

__all__ = ["read", "recorded"]


def recorded(files: Path) -> Container:
    """Return the container whose directory Docker has at *files*, as it keeps it there.

    :raises OSError: there is none, ValueError, KeyError: it is not wholly there.
    """
    return described(read(files / "config.v2.json"), read(files / "hostconfig.json"))


def read(path: Path) -> Mapping[str, Any]:
    """Return what a file of JSON holds.

    :raises OSError: it can't be read, ValueError: it holds no object.
    """
    found = codec.parse(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object")
    return found
