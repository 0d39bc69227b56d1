"""Which commands there are: arpanet's own, and those that plugins add; each name once.

A name belongs to arpanet when arpanet has it, else to the distribution whose own name comes first:
never to what happens to stand first on ``sys.path``.
"""

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from typing import Any, NamedTuple

from cliff import command, commandmanager, help

from arpanet.entrypoints import COMMANDS, installed
from arpanet.errors import PluginError, UsageError
from arpanet.plugins import BUILTIN, distribution

__all__ = ["Commands", "Help", "Refused"]

log = logging.getLogger(__name__)

#: What cliff brings; nobody's to replace.
CLIFFS = ("help", "complete")


class Refused(NamedTuple):
    """A command that was left out, whose it is, and why."""

    name: str
    distribution: str
    version: str
    why: str


class Commands(commandmanager.CommandManager):
    """The commands by name.

    :param points: for tests; else what is installed.
    :ivar refused: those whose name is taken.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points = installed(COMMANDS) if points is None else points
        self.refused: list[Refused] = []
        super().__init__(COMMANDS)

    def load_commands(self, namespace: str) -> None:
        """Take the commands in, arpanet's own first."""
        self.group_list.append(namespace)
        owners = dict.fromkeys(CLIFFS, BUILTIN)
        for point in sorted(self._points, key=_rank):
            name = point.name.replace("_", " ")
            owner, version = distribution(point)
            if first := owners.get(name):
                whose = "a built-in command" if first == BUILTIN else f"a command of {first}"
                self.refused.append(Refused(name, owner, version, f"{whose} has this name"))
            else:
                owners[name] = owner
                self.commands[name] = point

    def find_command(self, argv: list[str]) -> tuple[type, str, list[str]]:
        """Return the class, the name and the arguments of the command that *argv* begins with.

        :raises ValueError: there is none.
        :raises PluginError: it can't be imported.
        """
        for end in range(self._get_last_possible_command_index(argv), 0, -1):
            # cliff takes any unique beginning: with plugins around, a typo would run something else
            name = " ".join(argv[:end])
            if name in self.commands:
                return self._load(name), name, argv[end:]
        raise ValueError(f"'{' '.join(argv)}' is not a command")

    def _load(self, name: str) -> type:
        point = self.commands[name]
        try:
            found: Any = point.load()
            if not (isinstance(found, type) and issubclass(found, command.Command)):
                raise TypeError(f"{point.value} is no class of commands")
        except (Exception, SystemExit) as problem:  # whatever its module does
            whose = self.owner(name)
            words = " ".join(f"{type(problem).__name__}: {problem}".split())
            raise PluginError(f"command '{name}' of {whose} cannot be loaded: {words}") from problem
        return found

    def owner(self, name: str) -> str:
        """Return whose command *name* is."""
        point = self.commands.get(name)
        return distribution(point)[0] if isinstance(point, EntryPoint) else BUILTIN

    def listed(self) -> list[tuple[str, str]]:
        """Return name and one line of each command that is not hidden, sorted."""
        found = []
        for name in sorted(self.commands):
            try:
                kind: Any = self._load(name)
            except PluginError as problem:
                found.append((name, str(problem)))
                continue
            if not (getattr(kind, "hidden", False) or getattr(kind, "deprecated", False)):
                found.append((name, _summary(kind)))
        return found


def _rank(point: EntryPoint) -> tuple[bool, str, str]:
    return distribution(point)[0] != BUILTIN, *distribution(point)


def _summary(kind: Any) -> str:
    lines = (getattr(kind, "__doc__", None) or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else ""


class Help(help.HelpCommand):
    """Print help on a command, or this list of all."""

    app: Any  # the app makes its commands known: it imports this module

    def take_action(self, parsed_args: Any) -> int:
        """Print it."""
        app = self.app
        if not parsed_args.cmd:
            app.print_help()
            return 0
        try:
            kind, name, _ = app.command_manager.find_command(parsed_args.cmd)
        except ValueError as problem:
            raise UsageError(str(problem), app.hint(parsed_args.cmd)) from None
        command = kind(app, app.options, cmd_name=name)
        app.stdout.write(command.get_parser(f"{app.NAME} {name}").format_help())
        return 0
