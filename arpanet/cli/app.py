"""The application: finds commands by entry point, turns errors into one line and an exit code."""

import logging
import os
import signal
import sys
from argparse import SUPPRESS, ArgumentParser
from functools import cached_property
from types import FrameType
from typing import Any

from cliff import app as cliff_app
from cliff import commandmanager, help

from arpanet import __version__, events, logs, plugins, settings
from arpanet.context import Context
from arpanet.errors import ArpanetError, ExitCode, UsageError

__all__ = ["App", "main"]

log = logging.getLogger(__name__)

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE


class App(cliff_app.App):
    """``arpanet``."""

    NAME = "arpanet"

    def __init__(self) -> None:
        super().__init__(
            description="Auto-linking for Docker containers across hosts.",
            version=__version__,
            command_manager=commandmanager.CommandManager("arpanet.commands"),
        )

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: Any = None
    ) -> ArgumentParser:
        """Return the parser of the options that stand before the command."""
        parser = ArgumentParser(prog=self.NAME, description=description, add_help=False)
        parser.add_argument("--version", action="version", version=f"{self.NAME} {version}")
        parser.add_argument(
            "-h", "--help", action=help.HelpAction, nargs=0, default=self, help="show this and exit"
        )
        parser.add_argument(
            "-v", "--verbose", action="store_true", help="say more, for finding out what goes wrong"
        )
        parser.add_argument(
            "-q", "--quiet", action="store_true", help="say warnings and errors only"
        )
        parser.add_argument("--debug", action="store_true", help="show tracebacks of errors")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            dest="assignments",
            help="a setting; wins over ~/.arpanetrc and the environment; can be repeated",
        )
        # cliff reads these two; its own wording of them is of no use here
        parser.add_argument("--verbose-level", type=int, default=1, help=SUPPRESS)
        parser.add_argument("--log-file", default=None, help=SUPPRESS)
        return parser

    def configure_logging(self) -> None:
        """Send words to stderr."""
        logs.to_terminal(self.options.verbose, self.options.quiet)

    @cached_property
    def loaded(self) -> tuple[Any, list[plugins.Loaded]]:
        """The plugin manager, and what became of each plugin."""
        manager, report = plugins.load()
        for one in report:
            if one.error:
                log.warning("plugin %s was left out: %s", one.name, one.error)
        return manager, report

    @cached_property
    def context(self) -> Context:
        """What commands, and the hooks they call, work with."""
        manager, report = self.loaded
        builtin = frozenset(one.name for one in report if one.builtin)
        bus = events.Bus(manager, events.raise_failure(builtin))
        return Context(self.read_settings(bus), bus, logging.getLogger("arpanet").info)

    def read_settings(self, bus: events.Bus) -> settings.Settings:
        """Read all sources of settings, for all declared ones."""
        options = {}
        for assignment in self.options.assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise UsageError(f"--set {assignment}: a setting is given as NAME=VALUE")
            options[name] = value
        declared = settings.declared(bus)
        for name in options:
            if name not in {one.name for one in declared}:
                raise UsageError(
                    f"--set {name}: there is no such setting", "'arpanet config' lists them"
                )
        return settings.load(declared, options)

    def run(self, argv: list[str]) -> int:
        """Run the command in *argv*; nothing in it asks for help."""
        try:
            code = super().run(argv or ["--help"])
        except help.HelpExit:
            return ExitCode.DONE
        if code == INTERRUPTED:  # cliff takes a Ctrl-C to be a result like any other
            raise KeyboardInterrupt
        return code

    def interact(self) -> None:
        """Options and no command: the help, never cliff's interactive shell."""
        self.run_subcommand(["help"])

    def run_subcommand(self, argv: list[str]) -> int:
        """Find and run a command; words for a person to stderr, a code for a script."""
        try:
            return self._run(argv)
        except ArpanetError as problem:
            log.error("arpanet: %s", problem, exc_info=self.options.debug)
            return problem.exit_code
        except BrokenPipeError:
            # what is still buffered has nowhere to go, and the interpreter would complain at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE
        except Exception as problem:
            hint = "" if self.options.debug else "; this is a bug in arpanet, --debug shows where"
            what = f"{type(problem).__name__}: {problem}"
            log.error("arpanet: %s%s", what, hint, exc_info=self.options.debug)
            return ExitCode.FAILED
        finally:
            if "context" in self.__dict__:
                self.context.close()

    def _run(self, argv: list[str]) -> int:
        try:
            factory, name, arguments = self.command_manager.find_command(argv)
            # cliff takes any unique beginning: with plugins around, a typo would run something else
            if name not in self.command_manager.commands:
                raise ValueError(name)
        except ValueError:
            near = self.get_fuzzy_matches(argv[0])
            hint = f"did you mean {' or '.join(near)}?" if near else "'arpanet --help' lists them"
            raise UsageError(f"'{' '.join(argv)}' is not a command", hint) from None
        command = factory(self, self.options, cmd_name=name)
        parsed = command.get_parser(f"{self.NAME} {name}").parse_args(arguments)
        code = command.run(parsed) or ExitCode.DONE
        sys.stdout.flush()  # a reader that is gone is noticed here, not at exit
        return code


def main(argv: list[str]) -> int:
    """Run a command line; returns the exit code.

    :raises KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    signal.signal(signal.SIGTERM, _terminated)
    return int(App().run(argv))


def _terminated(_signum: int, _frame: FrameType | None) -> None:
    """Let SIGTERM end a command as Ctrl-C does: with its cleanup."""
    raise KeyboardInterrupt
