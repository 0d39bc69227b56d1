"""``arpanet etcdctl`` and ``arpanet master token``."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from arpanet import ARPANET_TLS, Command, UsageError
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.etcdctl import old, real, verbs
from arpanet_etcd.etcdctl.verbs import OldError
from arpanet_etcd.masters import discovery
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.settings import ARPANET_ETCD_API, ETCD_PATH, endpoints, urls

__all__ = ["Etcdctl", "MasterToken"]

#: What etcdctl ends with when etcd says no.
REFUSED = 4
#: What is waited for.
ASKS = "asking the masters"


class _Verbatim(ArgumentParser):
    """Takes all words as they are: they are etcdctl's business, options too."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        if words in ([], ["-h"], ["--help"]):
            self.print_help()
            self.exit()
        return Namespace(words=words), []


class Etcdctl(Command):
    """Query and change the masters' etcd, from any host, without an etcdctl there.

    The old verbs (ls, get, set, mk, update, rm, mkdir, rmdir) work and print as they always did:
    'arpanet etcdctl ls / --recursive'. All else goes to a real etcdctl, this host's or one in a
    container: 'arpanet etcdctl get /arpanet --prefix'.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        return _Verbatim(
            prog=prog_name,
            description=self.get_description(),
            usage=f"{prog_name} VERB [ARGUMENT ...]",
            add_help=False,
        )

    def take_action(self, parsed_args: Namespace) -> int:
        """Do it natively, or hand it on."""
        context, words = self.app.context, parsed_args.words
        verb = verbs.parse(words) if context.settings[ARPANET_ETCD_API] != "v2" else None
        if verb is None:
            return real.run(context, words)
        verb = verb.complete(sys.stdin.read)
        try:
            gateway = Gateway(endpoints(context.settings))
            readable = Layout(context.settings[ETCD_PATH]).readable
            with context.progress.moving(ASKS):
                lines = old.run(gateway, verb, readable)
        except IsADirectoryError as problem:
            sys.stderr.write(f"{problem}\n")
            return 1
        except OldError as problem:
            sys.stderr.write(f"{problem}\n")
            return REFUSED
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0


class MasterToken(Command):
    """Make a discovery token: masters that are started with it find each other.

    A token is kept on an etcd that runs already: the one that --etcd names, or with ARPANET_TLS=off
    these masters' own. With certificates a token tells addresses alone: the first master that is
    started with it boots the cluster, and lets the others in ('arpanet token create --role master'
    there prints the line); then they find it by the token, as they would with --peers. Without,
    it says who is let in, too: --size masters wait for each other.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--size",
            type=int,
            default=3,
            metavar="N",
            help="how many masters wait for each other with ARPANET_TLS=off; 3 if not given",
        )
        parser.add_argument(
            "--etcd", metavar="URL", help="the etcd to keep it on; http://IP:2379 for example"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Print its URL."""
        context, size = self.app.context, parsed_args.size
        if not 1 <= size <= 9:
            raise UsageError(f"--size {size}: a cluster has 1 to 9 masters", "3 or 5 are usual")
        if size % 2 == 0:
            context.say(f"{size} masters survive no more failures than {size - 1}")
        places = endpoints(context.settings)
        if parsed_args.etcd:
            given = parsed_args.etcd.rstrip("/")
            try:
                places = (given,) if "://" in given else urls(context.settings, (given,))
            except ValueError as problem:
                raise UsageError(f"--etcd: {problem}", "for example 192.168.8.5:2379") from None
        if context.settings[ARPANET_TLS] and not all(one.startswith("http:") for one in places):
            raise UsageError(
                "a token is for hosts that were not let in yet, whom these masters don't answer",
                "name an etcd that does: --etcd http://IP:PORT",
            )
        with context.progress.moving(ASKS):
            made = discovery.create(places, size)
        sys.stdout.write(f"{made}\n")
