"""``arpanet hello``: reads the journal out of the agent's container."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from arpanet import ArpanetError, Context, Lister
from arpanet_hello import journal
from arpanet_hello.plugin import AGENT, HELLO_FILE

__all__ = ["Hello"]


class Hello(Lister):
    """Show this host's journal of containers and services."""

    need_sort_by_cliff = False

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Add --file."""
        parser: ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "--file", type=Path, help="a journal on this host, instead of the agent's"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return one row per line; cliff makes a table, JSON, YAML or CSV of them."""
        file = parsed_args.file
        text = _read_here(file) if file else _read_agents(self.app.context)
        return ("event", "what"), [
            (line.pop("event"), _words(line)) for line in journal.lines(text)
        ]


def _read_here(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ArpanetError(f"{path} cannot be read: {problem.strerror}") from problem


def _read_agents(context: Context) -> str:
    containers = context.engine.own(AGENT)
    if not containers:
        raise ArpanetError("no agent runs here", "run 'arpanet slave start'")
    path = str(context.settings[HELLO_FILE])
    return (context.engine.read_file(containers[0].name, path) or b"").decode()


def _words(line: dict[str, Any]) -> str:
    if "container" in line:
        return str(line["container"])
    came, went = (f"+{name}" for name in line["came"]), (f"-{name}" for name in line["went"])
    return " ".join([*came, *went])
