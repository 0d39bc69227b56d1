"""Files of Docker and its runtime."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arpanet import Container
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
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no object")
    return found
