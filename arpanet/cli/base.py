"""What a command starts from: cliff's classes, knowing which app they belong to.

A plugin's command may use these, or cliff's own; ``self.app.context`` is there with both.
"""

from abc import ABC
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from cliff import command, lister

if TYPE_CHECKING:
    from arpanet.cli.app import App

__all__ = ["Command", "Lister"]

#: Formats that write control characters as escapes, and give back to a script what was there.
ESCAPED = ("json", "yaml")


class _Quick(command.Command, ABC):
    """Knows its epilog without reading what each distribution here is made of, as cliff does."""

    def get_epilog(self) -> str:
        """Return what the help ends with; ``arpanet plugins`` says whose a command is."""
        return self._epilog or ""


class Command(_Quick, ABC):
    """A command that does something."""

    app: "App"


class Lister(_Quick, lister.Lister, ABC):
    """A command that prints rows, in the format that ``-f`` names."""

    app: "App"

    def produce_output(self, parsed_args: Namespace, column_names: Any, data: Any) -> int:
        """Print them; what others wrote must not steer the terminal that shows it."""
        if parsed_args.formatter not in ESCAPED:
            data = [tuple(map(_plain, row)) for row in data]
        code: int = super().produce_output(parsed_args, column_names, data)
        return code


def _plain(cell: Any) -> Any:
    if not isinstance(cell, str) or cell.isprintable():
        return cell
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in cell)
