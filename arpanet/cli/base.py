"""What a command starts from: cliff's classes, knowing which app they belong to.

A plugin's command may use these, or cliff's own; ``self.app.context`` is there with both.
"""

import contextlib
import json
from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cliff import command, lister

from arpanet.entrypoints import installed
from arpanet.errors import UsageError
from arpanet.logs import plain

if TYPE_CHECKING:
    from arpanet.cli.app import App

__all__ = ["Command", "Lister", "WatchingLister"]

#: Formats that write control characters as escapes, and give back to a script what was there.
ESCAPED = ("json", "yaml")


class _Quick(command.Command, ABC):
    """Knows its epilog and its hooks without reading what each distribution is made of, as cliff.

    :cvar asks: what a person at a terminal waits for while it runs, as ``asking the masters``;
        only where it prints nothing on stdout meanwhile.
    """

    app: "App"
    asks = ""

    def _load_hooks(self) -> None:
        """Look for what extends this command where entry points are known already.

        cliff looks them all up again, in a cache of its own on the disk.
        """
        name = (self.cmd_name or "").replace(" ", "_")
        if name and installed(f"{self.app.command_manager.namespace}.{name}"):
            super()._load_hooks()
        else:
            self._hooks = []

    def get_epilog(self) -> str:
        """Return what the help ends with; ``arpanet plugins`` says whose a command is."""
        return self._epilog or ""

    def run(self, parsed_args: Namespace) -> int:
        """Run it, and show what is waited for."""
        if self.asks:
            self.take_action = partial(self._shown, self.take_action)  # type: ignore[method-assign]
        return int(super().run(parsed_args))

    def _shown(self, action: Callable[[Namespace], Any], parsed_args: Namespace) -> Any:
        with self.app.context.progress.moving(self.asks):
            return action(parsed_args)


class Command(_Quick, ABC):
    """A command that does something."""

    app: "App"


class Lister(_Quick, lister.Lister, ABC):
    """A command that prints rows, in the format that ``-f`` names."""

    app: "App"

    def produce_output(self, parsed_args: Namespace, column_names: Any, data: Any) -> int:
        """Print them; what others wrote must not steer the terminal that shows it."""
        if parsed_args.formatter not in ESCAPED:
            data = [tuple(map(_cell, row)) for row in data]
        code: int = super().produce_output(parsed_args, column_names, data)
        return code


class WatchingLister(Lister, ABC):
    """A list that ``--watch`` follows: a line for each change, or with ``-f json`` an object."""

    _CHANGES: Mapping[str, str] = {"+": "added", "-": "removed", "~": "changed"}

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser, which knows ``--watch``."""
        parser: ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "--watch",
            action="store_true",
            help="go on with a line for each change, until interrupted; with -f json, an object",
        )
        return parser

    def run(self, parsed_args: Namespace) -> int:
        """List, or list and follow."""
        if not parsed_args.watch:
            return int(super().run(parsed_args))
        if parsed_args.formatter not in ("table", "json"):
            raise UsageError(f"--watch knows no -f {parsed_args.formatter}", "use -f json, or none")
        with contextlib.suppress(KeyboardInterrupt):  # how one ends it
            self.watch(parsed_args, parsed_args.formatter == "json")
        return 0

    @abstractmethod
    def watch(self, parsed_args: Namespace, as_json: bool) -> None:
        """Print what there is, and then each change with :meth:`tell`, until interrupted."""

    def tell(
        self, changes: Iterable[tuple[str, Mapping[str, Any], str]], as_json: bool = False
    ) -> None:
        """Print changes: (``+``, ``-`` or ``~``; what ``-f json`` has of it; else its line)."""
        for sign, record, line in changes:
            text = json.dumps({"change": self._CHANGES[sign], **record}) if as_json else plain(line)
            self.app.stdout.write(f"{text}\n")
        self.app.stdout.flush()


def _cell(given: Any) -> Any:
    return plain(given) if isinstance(given, str) else given
