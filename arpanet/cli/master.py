"""``arpanet master start|stop``."""

from argparse import ArgumentParser, Namespace

from arpanet.cli.base import Command
from arpanet.errors import UsageError
from arpanet.host import roles
from arpanet.records import Formation

__all__ = ["MasterStart", "MasterStop", "add_formation", "formation"]


def add_formation(parser: ArgumentParser) -> None:
    """Add the options that say how a master finds its cluster."""
    parser.add_argument(
        "--peers",
        metavar="boot|PEERS",
        help="'boot' for the first master; else the ip:port of one or more masters, "
        "comma-delimited, the port being their ETCD_PEERPORT",
    )
    parser.add_argument(
        "--token",
        metavar="URL",
        help="a discovery token; 'arpanet master token' makes one",
    )


def formation(peers: str | None, token: str | None) -> Formation | None:
    """Return what the two options ask for; ``None`` when neither was given.

    :raises UsageError: both were given, or one is empty.
    """
    if peers is not None and token is not None:
        raise UsageError("--peers and --token exclude each other", "give one of them")
    if token is not None:
        if not token.strip():
            raise UsageError("--token is empty", "'arpanet master token' makes one")
        return Formation(token=token.strip())
    if peers is None:
        return None
    if peers == "boot":
        return Formation(boot=True)
    found = tuple(one.strip() for one in peers.split(",") if one.strip())
    if not found or "boot" in found:
        raise UsageError(
            f"--peers {peers!r} names no peers", "give 'boot', or ip:port[,ip:port...] of masters"
        )
    return Formation(peers=found)


class MasterStart(Command):
    """Make this host a master: start an etcd member, forming or joining its cluster."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        add_formation(parser)
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Start."""
        asked = formation(parsed_args.peers, parsed_args.token)
        if asked is None:
            raise UsageError(
                "how does this master find its cluster?",
                "--peers boot for the first master, --peers IP:PORT to join one, or --token URL",
            )
        roles.start(self.app.context, "master", asked)


class MasterStop(Command):
    """Stop this host's master; its data and its place in the cluster stay."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--leave", action="store_true", help="leave the cluster for good, and delete the data"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Stop."""
        roles.stop(self.app.context, "master", leave=parsed_args.leave)
