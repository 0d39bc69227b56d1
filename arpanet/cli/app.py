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

from arpanet import __version__, events, logs, plugins, settings
from arpanet.cli.commands import Commands, Help
from arpanet.cli.complete import Complete
from arpanet.cli.containment import aside, unending
from arpanet.context import Context
from arpanet.errors import ArpanetError, ExitCode, UsageError

__all__ = ["App", "main"]

log = logging.getLogger(__name__)

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE


class App(cliff_app.App):
    """``arpanet``."""

    NAME = "arpanet"

    command_manager: Commands
    #: The exit code of a command line without a command.
    interacted: int = ExitCode.DONE
    #: The command that was begun, by whose name its author is found where it fails.
    running: str = ""

    def __init__(self) -> None:
        super().__init__(
            description="Auto-linking for Docker containers across hosts.",
            version=__version__,
            command_manager=Commands(),
            deferred_help=True,
        )
        self.command_manager.add_command("help", Help)
        self.command_manager.add_command("complete", Complete)

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: Any = None
    ) -> ArgumentParser:
        """Return the parser of the options that stand before the command."""
        parser = ArgumentParser(prog=self.NAME, description=description, add_help=False)
        parser.add_argument("--version", action="version", version=f"{self.NAME} {version}")
        # behind a command it is that command's help: cliff makes 'help <command>' of it
        parser.add_argument(
            "-h", "--help", action="store_true", dest="deferred_help", help="show this and exit"
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
        parser.add_argument(
            "--insecure",
            action="append_const",
            dest="assignments",
            const="ARPANET_TLS=off",
            help="let anybody in: --set ARPANET_TLS=off",
        )
        # cliff reads these two; its own wording of them is of no use here
        parser.add_argument("--verbose-level", type=int, default=1, help=SUPPRESS)
        parser.add_argument("--log-file", default=None, help=SUPPRESS)
        return parser

    def configure_logging(self) -> None:
        """Send words to stderr."""
        logs.to_terminal(self.options.verbose, self.options.quiet)
        for one in self.command_manager.refused:
            log.warning("command '%s' of %s was left out: %s", one.name, one.distribution, one.why)

    @cached_property
    def loaded(self) -> tuple[Any, list[plugins.Loaded]]:
        """The plugin manager, and what became of each plugin."""
        found = settings.load((settings.ARPANET_PLUGINS_BLOCKED,), self.read_options(), partly=True)
        blocked: tuple[str, ...] = found[settings.ARPANET_PLUGINS_BLOCKED]
        manager, report = plugins.load(blocked=blocked)
        for one in report:
            if one.error:
                log.warning("plugin %s was left out: %s", one.name, one.error)
        return manager, report

    @cached_property
    def context(self) -> Context:
        """What commands, and the hooks they call, work with."""
        manager, report = self.loaded
        builtin = frozenset(one.name for one in report if one.builtin)
        strangers = [one.name for one in report if one.runs and not one.builtin]
        bus = events.Bus(manager, events.raise_failure(builtin), strangers, waiting=aside)
        return Context(self.read_settings(bus), bus, logging.getLogger("arpanet").info)

    def read_options(self) -> dict[str, str]:
        """Return name -> text of what ``--set`` gives."""
        options = {}
        for assignment in self.options.assignments:
            name, equals, value = assignment.partition("=")
            if not equals:
                raise UsageError(f"--set {assignment}: a setting is given as NAME=VALUE")
            options[name] = value
        return options

    def read_settings(self, bus: events.Bus) -> settings.Settings:
        """Read all sources of settings, for all declared ones."""
        options = self.read_options()
        declared = settings.declared(bus)
        for name in options:
            if name not in {one.name for one in declared}:
                raise UsageError(
                    f"--set {name}: there is no such setting", "'arpanet config' lists them"
                )
        found = settings.load(declared, options)
        bus.patience = found[settings.ARPANET_PLUGINS_TIMEOUT]
        if found[settings.ARPANET_TRACE] == "hooks":
            events.TRACE.setLevel(logging.DEBUG)
        return found

    def run(self, argv: list[str]) -> int:
        """Run the command in *argv*; nothing in it asks for help."""
        code = super().run(argv)
        if self.interactive_mode:  # what cliff calls it when no command is given
            return self.interacted
        if code == INTERRUPTED:  # cliff takes a Ctrl-C to be a result like any other
            raise KeyboardInterrupt
        return code

    def print_help_if_requested(self) -> None:
        """Leave it to 'help': an option that asks for it, and no command, end there."""

    def print_help(self) -> None:
        """Print the options and all commands."""
        self.stdout.write(self.parser.format_help())
        self.stdout.write("\nCommands:\n")
        for name, line in self.command_manager.listed():
            self.stdout.write(f"  {name:<13}  {line}\n")

    def interact(self) -> None:
        """Options and no command: the help, never cliff's interactive shell."""
        self.interacted = self.run_subcommand(["help"])

    def hint(self, argv: list[str]) -> str:
        """Return what somebody who typed *argv* may have meant."""
        near = self.get_fuzzy_matches(argv[0]) if argv else []
        return f"did you mean {' or '.join(near)}?" if near else "'arpanet --help' lists them"

    def run_subcommand(self, argv: list[str]) -> int:
        """Find and run a command; words for a person to stderr, a code for a script."""
        try:
            with unending():
                return self._run(argv)
        except ArpanetError as problem:
            log.error("arpanet: %s", problem, exc_info=self.options.debug)
            return problem.exit_code
        except BrokenPipeError:
            # what is still buffered has nowhere to go, and the interpreter would complain at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE
        except Exception as problem:
            whose = self.command_manager.owner(self.running)
            hint = "" if self.options.debug else f"; this is a bug in {whose}, --debug shows where"
            what = f"{type(problem).__name__}: {problem}"
            log.error("arpanet: %s%s", what, hint, exc_info=self.options.debug)
            return ExitCode.FAILED
        finally:
            if "context" in self.__dict__:
                self.context.close()

    def _run(self, argv: list[str]) -> int:
        try:
            factory, name, arguments = self.command_manager.find_command(argv)
        except ValueError as problem:
            raise UsageError(str(problem), self.hint(argv)) from None
        self.running = name
        try:
            command = factory(self, self.options, cmd_name=name)
        except SystemExit as problem:  # 0 would be taken for done
            raise RuntimeError(f"command '{name}' ended before it began ({problem})") from problem
        parsed = command.get_parser(f"{self.NAME} {name}").parse_args(arguments)
        code = command.run(parsed) or ExitCode.DONE
        sys.stdout.flush()  # a reader that is gone is noticed here, not at exit
        return code


def main(argv: list[str]) -> int:
    """Run a command line; returns the exit code.

    :raises KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came.
    """
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _terminated)
    return int(App().run(argv))


def _terminated(_signum: int, _frame: FrameType | None) -> None:
    """Let a signal end a command as Ctrl-C does: with its cleanup."""
    raise KeyboardInterrupt
