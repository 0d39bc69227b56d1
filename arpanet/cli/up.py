"""``arpanet up``: one host, in one go."""

from argparse import ArgumentParser, Namespace

from arpanet import hostport
from arpanet.cli.base import Command
from arpanet.cli.master import add_formation, formation
from arpanet.context import Context
from arpanet.errors import UsageError
from arpanet.host import provision
from arpanet.host.roles import start
from arpanet.records import Formation
from arpanet.settings import ARPANET_IP, ARPANET_MASTERS, Settings

__all__ = ["Up", "roles"]


def roles(settings: Settings, asked: Formation | None) -> Formation | None:
    """Return how this host becomes a master; ``None`` when it is to be a slave only.

    ``ARPANET_MASTERS`` decides where no option does: a host that is not named there is a slave, the
    only one named there boots, and one of several joins the others.
    """
    if asked:
        return asked
    # a master may be given with its client port; which host it is, the address alone says
    own = settings[ARPANET_IP]
    named = [hostport.split(one)[0] for one in settings[ARPANET_MASTERS]]
    if own not in named:
        return None
    others = tuple(one for one in named if one != own)
    return Formation(peers=others) if others else Formation(boot=True)


class Up(Command):
    """Install core, master and slave on this host, and start both roles.

    Without an option ARPANET_MASTERS decides: a host that it does not name becomes a slave only,
    one that it names joins the others, and the only one boots a cluster of its own.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        add_formation(parser)
        parser.add_argument("--slave-only", action="store_true", help="never be a master")
        parser.add_argument(
            "--join",
            nargs=2,
            metavar=("ADDRESS[:PORT]", "TOKEN"),
            help="first have this host let in by a master, as 'arpanet join' does",
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Install and start."""
        asked = formation(parsed_args.peers, parsed_args.token)
        if asked and parsed_args.slave_only:
            raise UsageError("--slave-only excludes --peers and --token")
        context = self.app.context
        if parsed_args.join:
            _join(context, *parsed_args.join)
        found = None if parsed_args.slave_only else roles(context.settings, asked)
        provision.core(context, docker_tcp=False)
        context.emit("install", role="core")
        if found:
            context.emit("install", role="master")
            start(context, "master", found)
        context.emit("install", role="slave")
        start(context, "slave")


def _join(context: Context, place: str, token: str) -> None:
    """Have this host let in, once it is sure that it will not begin a cluster of its own."""
    if context.settings.source(ARPANET_MASTERS).origin == "default":
        raise UsageError(
            "--join needs to know the masters",
            f"set ARPANET_MASTERS in ~/.arpanetrc, for example to {place.partition(':')[0]}",
        )
    context.emit("host.join", place=place, token=token)
