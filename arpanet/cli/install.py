"""``arpanet install``."""

from argparse import ArgumentParser, Namespace

from arpanet.cli.base import Command
from arpanet.errors import UsageError
from arpanet.host import provision


class Install(Command):
    """Install what this host needs for a role; core comes before master and slave."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("role", choices=["core", "master", "slave"])
        parser.add_argument(
            "--docker-tcp",
            action="store_true",
            help="with core: bind Docker to ARPANET_IP:DOCKER_PORT, for those with a certificate",
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Install."""
        if parsed_args.docker_tcp and parsed_args.role != "core":
            raise UsageError("--docker-tcp goes with 'install core' only")
        if parsed_args.role == "core":
            provision.core(self.app.context, parsed_args.docker_tcp)
        with self.app.context.progress(f"installing {parsed_args.role}"):
            self.app.context.emit("install", role=parsed_args.role)
        self.app.context.say(f"{parsed_args.role}: installed")
