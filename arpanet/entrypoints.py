"""What extends arpanet here: the entry points of what is installed, read once in a process."""

from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

__all__ = ["COMMANDS", "PLUGINS", "installed"]

#: The groups whose distributions extend arpanet.
PLUGINS, COMMANDS = "arpanet.plugins", "arpanet.commands"


def installed(group: str) -> EntryPoints:
    """Return the entry points of *group*, as they were when this process first asked for any."""
    found: EntryPoints = _all().select(group=group)
    return found


@cache
def _all() -> Any:
    """Python opens a file of each distribution for this, whichever group is asked for."""
    return entry_points()
