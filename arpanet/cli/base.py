"""What a command starts from: cliff's classes, knowing which app they belong to.

A plugin's command may use these, or cliff's own; ``self.app.context`` is there with both.
"""

from abc import ABC
from typing import TYPE_CHECKING

from cliff import command, lister

if TYPE_CHECKING:
    from arpanet.cli.app import App

__all__ = ["Command", "Lister"]


class Command(command.Command, ABC):
    """A command that does something."""

    app: "App"


class Lister(lister.Lister, ABC):
    """A command that prints rows, in the format that ``-f`` names."""

    app: "App"
