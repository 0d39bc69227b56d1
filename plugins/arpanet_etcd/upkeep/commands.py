"""``arpanet master status`` and ``arpanet master remove``."""

from argparse import ArgumentParser, Namespace

from arpanet import Command, Lister
from arpanet_etcd.masters import status
from arpanet_etcd.settings import endpoints
from arpanet_etcd.upkeep import removing, survey
from arpanet_etcd.upkeep.survey import Row

__all__ = ["MasterRemove", "MasterStatus"]


class MasterStatus(Lister):
    """Show each master; exits with 1 when something is not ok."""

    need_sort_by_cliff = False

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[Row]]:
        """Ask all of them."""
        context = self.app.context
        found = status.survey(endpoints(context.settings))
        line = found.line()
        self.fine = line.state == "ok"
        if not self.fine:
            context.say(line.detail)
        return Row._fields, survey.rows(found)

    def run(self, parsed_args: Namespace) -> int:
        """Run, and let the exit code tell."""
        return super().run(parsed_args) or (0 if self.fine else 1)


class MasterRemove(Command):
    """Take a master that is gone for good out of the cluster."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="its HOSTNAME, or its id in 'arpanet master status'")
        parser.add_argument("--force", action="store_true", help="also when it is alive")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Have the others agree to it."""
        removing.remove(self.app.context, parsed_args.name, parsed_args.force)
