"""The commands that stay: the watcher on a host, the agents in node containers."""

import logging
import signal
from argparse import ArgumentParser, Namespace

from arpanet import events, logs, plugins
from arpanet.cli.base import Command
from arpanet.context import Context
from arpanet.settings import ARPANET_LOG

__all__ = ["Agent", "Watch"]


class Watch(Command):
    """Watch ~/.arpanetrc and keep this host's master and slave in line with it."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Watch until interrupted."""
        from arpanet.host.watcher import Watcher

        context = self.app.context
        logs.to_log(context.settings[ARPANET_LOG])
        watcher = Watcher(context, lambda: self.app.read_settings(context.bus))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop())
        watcher.run()


class Agent(Command):
    """Run inside a node container; 'slave start' calls it."""

    hidden = True

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="which agent: registrator, ambassador")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Run until SIGTERM."""
        from arpanet.agent import loop

        manager, report = plugins.load(parsed_args.name)
        bus = events.Bus(manager)
        settings = self.app.read_settings(bus)
        logs.to_log(settings[ARPANET_LOG])
        log = logging.getLogger("arpanet.agent")
        for one in report:
            if one.error:
                log.error("plugin %s was left out: %s", one.name, one.error)
        context = Context(settings, bus, log.info, parsed_args.name)
        try:
            loop.run(context)
        finally:
            context.close()
