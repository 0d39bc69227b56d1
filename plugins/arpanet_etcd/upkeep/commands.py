"""``arpanet master status``, ``remove``, ``snapshot``, ``restore`` and ``upgrade``."""

from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path

from arpanet import ArpanetError, Command, Lister, kinds
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import status
from arpanet_etcd.settings import endpoints
from arpanet_etcd.upkeep import caretaker, removing, restoring, rolling, survey, taking
from arpanet_etcd.upkeep.survey import Row

__all__ = ["MasterRemove", "MasterRestore", "MasterSnapshot", "MasterStatus", "MasterUpgrade"]


class MasterStatus(Lister):
    """Show each master; exits with 1 when something is not ok."""

    asks = "asking the masters"

    need_sort_by_cliff = False

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[Row]]:
        """Ask all of them."""
        context = self.app.context
        found = status.survey(endpoints(context.settings))
        line = found.line()
        self.fine = line.state == "ok"
        if not self.fine:
            context.say(line.detail)
        return Row._fields, survey.rows(found, self._snapshot())

    def _snapshot(self) -> tuple[float, str] | None:
        with suppress(ArpanetError):  # masters alone may know
            places = endpoints(self.app.context.settings)
            return caretaker.last(Gateway(places), restoring.note_key(self.app.context))
        return None

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
        context, name = self.app.context, parsed_args.name
        with context.progress(f"taking {name} out of the masters"):
            removing.remove(context, name, parsed_args.force)


class MasterSnapshot(Command):
    """Save what the masters hold into a file, which 'arpanet master restore' makes a cluster of."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", type=Path, help="replaced once the new one is whole")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Have a master stream it."""
        context, file = self.app.context, parsed_args.file
        key = restoring.note_key(context)
        places = endpoints(context.settings)
        with context.progress(f"saving {file}") as tell:
            size = taking.take(places, key, restoring.kept_ca(context), file, tell)
        context.say(f"{file} has all that the masters hold, in {size} bytes")


class MasterRestore(Command):
    """Form the masters anew from a snapshot.

    Given a file, this host's master becomes the first of a new cluster that holds what the file
    does. On each other master, --peers names that first one.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("file", type=Path, nargs="?", help="from 'arpanet master snapshot'")
        what.add_argument("--peers", metavar="IP:PORT,…", help="a master that was restored")
        parser.add_argument(
            "--force", action="store_true", help="also what may be of another cluster"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Restore, or follow."""
        context = self.app.context
        if parsed_args.file:
            restoring.restore(context, parsed_args.file, parsed_args.force)
        else:
            restoring.follow(context, kinds.names(parsed_args.peers), parsed_args.force)


class MasterUpgrade(Command):
    """Have all masters run the etcd that ETCD_IMAGE names, one after the other.

    Ends at the first that is not well with it, and has the one of before run there again. Said
    again, it goes on. With ARPANET_TLS=off: this host's alone; it names the next.
    """

    def take_action(self, parsed_args: Namespace) -> None:
        """Exchange one after the other, or put the one of before back."""
        rolling.roll(self.app.context)
