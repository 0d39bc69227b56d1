"""``arpanet slave start|stop``."""

from argparse import Namespace

from arpanet.cli.base import Command
from arpanet.host import roles


class SlaveStart(Command):
    """Make this host a slave: start the ambassador and the registrator."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Start."""
        roles.start(self.app.context, "slave")


class SlaveStop(Command):
    """Withdraw this host's services and remove the ambassador and the registrator."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Stop."""
        roles.stop(self.app.context, "slave")
