"""The data commands: rows for a person as a table, for a script with ``-f json|yaml|csv``."""

from argparse import Namespace
from typing import Any

from arpanet.cli.base import Lister
from arpanet.context import Context
from arpanet.errors import SettingsError
from arpanet.host import roles
from arpanet.records import Status
from arpanet.settings import Source

__all__ = ["Config", "Hosts", "Plugins", "StatusCommand"]

Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]


class Hosts(Lister):
    """Print the current masters, as JSON unless asked otherwise."""

    asks = "asking the masters"

    @property
    def formatter_default(self) -> str:
        """JSON: scripts read this."""
        return "json"

    def take_action(self, parsed_args: Namespace) -> Rows:
        """Ask any master."""
        context = self.app.context
        members = context.bus.first("arpanet_masters", context=context) or ()
        plain = parsed_args.formatter in ("json", "yaml")
        rows = [
            (
                one.name,
                one.id,
                list(one.peer_urls) if plain else " ".join(one.peer_urls),
                list(one.client_urls) if plain else " ".join(one.client_urls),
                one.learner,
            )
            for one in sorted(members)
        ]
        return ("name", "id", "peer_urls", "client_urls", "learner"), rows


class StatusCommand(Lister):
    """Show how arpanet is on this host; exits with 1 when something is not ok."""

    need_sort_by_cliff = False
    asks = "asking what runs here, and the masters"

    def take_action(self, parsed_args: Namespace) -> Rows:
        """Ask every plugin."""
        context = self.app.context
        lines = [
            line
            for _, answer in context.bus.collect("arpanet_status", context=context)
            for line in answer
        ]
        lines += [Status("settings", "degraded", words) for words in _differing(context)]
        self.fine = all(line.state in ("ok", "absent") for line in lines)
        return ("part", "state", "detail"), [(x.part, x.state, x.detail) for x in lines]

    def run(self, parsed_args: Namespace) -> int:
        """Run, and let the exit code tell."""
        return super().run(parsed_args) or (0 if self.fine else 1)


def _differing(context: Context) -> list[str]:
    """A line for each role that runs with other values than are set now."""
    return [
        f"the {role} was started with other values of {', '.join(names)}:"
        f" run '{roles.COMMANDS[role]}', or leave it to 'arpanet watch'"
        for role, names in roles.differing(context.settings)
    ]


class Config(Lister):
    """Print every setting, its value and where the value came from."""

    def take_action(self, parsed_args: Namespace) -> Rows:
        """Look at all sources."""
        settings = self.app.context.settings
        rows = []
        for setting in sorted(settings, key=lambda one: str(one.name)):
            try:
                source = settings.source(setting)
            except SettingsError as problem:  # a default that cannot be found here
                source = Source("", f"nowhere: {problem.message}")
            rows.append((setting.name, source.text, source.origin, setting.help))
        for words in _differing(self.app.context):
            self.app.context.say(f"warning: {words}")
        return ("setting", "value", "from", "meaning"), rows


class Plugins(Lister):
    """List the plugins, what they come from and whether they could be loaded."""

    need_sort_by_cliff = False

    def take_action(self, parsed_args: Namespace) -> Rows:
        """Load them."""
        rows = [
            (p.name, p.distribution, p.version, " ".join(p.agents), p.state)
            for p in self.app.loaded[1]
        ]
        return ("plugin", "distribution", "version", "runs in", "state"), rows
