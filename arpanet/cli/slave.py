"""``arpanet slave start|stop``."""

from argparse import Namespace

from arpanet.cli.base import Command


class SlaveStart(Command):
    """Make this host a slave: start the ambassador and the registrator."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Start."""
        self.app.context.emit("slave.start")


class SlaveStop(Command):
    """Withdraw this host's services and remove the ambassador and the registrator."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Stop."""
        self.app.context.emit("slave.stop")
