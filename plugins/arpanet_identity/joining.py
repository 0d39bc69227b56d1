"""``arpanet join``."""

import sys
from argparse import ArgumentParser, Namespace

from arpanet import ArpanetError, Command, UsageError, codec
from arpanet_identity import host

__all__ = ["Join"]


class Join(Command):
    """Have this host let into a cluster: with a token, or with what 'certs issue' made for it."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "master", nargs="?", metavar="ADDRESS[:PORT]", help="a master; the port is 7002"
        )
        parser.add_argument(
            "--token",
            metavar="TOKEN",
            help="what 'arpanet token create' printed there; '-' reads it from standard input",
        )
        parser.add_argument(
            "--bundle", metavar="FILE", help="a bundle instead; '-' reads it from standard input"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Ask, or take what was made already."""
        master, token, bundle = parsed_args.master, parsed_args.token, parsed_args.bundle
        if bundle and not (master or token):
            self._take(host.read_file(bundle, sys.stdin))
        elif master and token and not bundle:
            self.app.context.emit("host.join", place=master, token=token)
        else:
            raise UsageError(
                "join takes a master's address and --token, or --bundle",
                "'arpanet token create' on a master prints the whole line",
            )

    def _take(self, text: str) -> None:
        context = self.app.context
        kept = host.store(context)
        try:
            given = codec.parse(text)
            key, answer, name = str(given["key"]), dict(given["answer"]), str(given["host"])
            place = str(given.get("place", ""))  # former bundles don't say it
        except (ValueError, KeyError, TypeError) as problem:
            raise ArpanetError("that is no bundle of 'arpanet certs issue'") from problem
        if name != host.subject(context, "").host:
            raise ArpanetError(
                f"the bundle is for the host {name}, and this is {host.subject(context, '').host}",
                "set HOSTNAME in ~/.arpanetrc, or make a bundle for this host",
            )
        host.bundle(kept, answer, key)
        context.emit("host.join", place=place, token="")
