"""The commands that stay: the watcher on a host, the agents in node containers."""

import gc
import signal
from argparse import ArgumentParser, Namespace

from arpanet import logs
from arpanet.cli.base import Command
from arpanet.settings import ARPANET_LOG, ARPANET_TRACE

__all__ = ["Agent", "Watch"]


class Watch(Command):
    """Watch ~/.arpanetrc and keep this host's master and slave in line with it."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Watch until interrupted."""
        from arpanet.host.watcher import Watcher

        context = self.app.context
        logs.to_log(context.settings[ARPANET_LOG], context.settings[ARPANET_TRACE])
        watcher = Watcher(context, lambda: self.app.read_settings(context.bus))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop())
        gc.set_threshold(1000)  # a command's is as if it ended soon
        watcher.run()


class Agent(Command):
    """Run inside a node container; 'slave start' calls it."""

    hidden = True

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="which agent: registrator, ambassador")
        return parser

    def take_action(self, parsed_args: Namespace) -> int:
        """Run until SIGTERM: supervise a process of its own."""
        import os

        from arpanet.agent import supervisor

        given = self.app.read_options()
        return supervisor.main(parsed_args.name, {**os.environ, **given})
