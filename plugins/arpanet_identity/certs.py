"""``arpanet certs``: who is let in, until when; making, renewing and revoking."""

import json
import os
import stat
import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from arpanet import ArpanetError, Command, Lister, UsageError, kinds
from arpanet_identity import authority, host, ranges, roster
from arpanet_identity.authority import Subject
from arpanet_identity.renewal import renew

__all__ = ["Certs", "CertsAllow", "CertsIssue", "CertsRenew", "CertsRevoke"]


class Certs(Lister):
    """List the hosts that are let in, and until when their certificates hold."""

    asks = "asking the masters"

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Read the roster."""
        host.store(self.app.context)
        with closing(host.vault(self.app.context)) as where:
            found = roster.listed(where)
        rows = [
            (
                one.host,
                one.role,
                ",".join(one.addresses),
                one.serial,
                datetime.fromtimestamp(one.ends, UTC).isoformat(timespec="seconds"),
            )
            for one in sorted(found.values(), key=lambda one: one.host)
        ]
        return ("host", "role", "addresses", "serial", "not after"), rows


class CertsAllow(Command):
    """Say which networks a host's instances may be in, beside the host's own addresses."""

    asks = "asking the masters"

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", help="its HOSTNAME, as 'arpanet certs' shows it")
        ranges.add_option(parser, "one of them; none: its own addresses alone")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Change its entry."""
        context, name = self.app.context, parsed_args.host
        networks = ranges.parse(parsed_args.range)
        kept = host.store(context)
        with closing(host.vault(context)) as where:
            mine = host.enrolment(context, kept, where)
            mine.authority()
            if not roster.allow(where, name, networks):
                raise ArpanetError(f"no host {name} is let in", "'arpanet certs' lists them")
            mine.roster()
        places = ", ".join(("its own addresses", *networks))
        context.say(f"instances of {name} may be at: {places}")


class CertsIssue(Command):
    """Let a host in without its asking: print a bundle for 'arpanet join --bundle' there.

    A bundle holds a key: keep it as one.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", help="its HOSTNAME")
        parser.add_argument("--ip", required=True, metavar="A,...", help="its ARPANET_IP, and more")
        parser.add_argument("--role", choices=authority.ROLES, default="slave")
        ranges.add_option(parser, "a network that its instances may be in")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Print the bundle."""
        context = self.app.context
        if sys.stdout.isatty():
            raise UsageError("a bundle is secret: write it to a file", "for example > host.bundle")
        try:
            name = kinds.host_name(parsed_args.host)
            addresses = host.addresses(parsed_args.ip)
        except ValueError as problem:
            raise UsageError(f"certs issue: a host's name or address {problem}") from None
        if not addresses:
            raise UsageError("--ip names no address")
        networks = ranges.parse(parsed_args.range)
        kept = host.store(context)
        key = authority.new_key()
        with context.progress(f"letting {name} in"), closing(host.vault(context)) as where:
            made = host.enrolment(context, kept, where).let_in(
                Subject(name, parsed_args.role, addresses),
                authority.read_key(key).public_key(),
                networks,
            )
        _close_to_others(sys.stdout)
        given = {"host": name, "key": key, "answer": made, "place": host.place(context)}
        json.dump(given, sys.stdout, indent=1)
        sys.stdout.write("\n")


def _close_to_others(file: TextIO) -> None:
    """Let nobody else read what is written: a shell's ``>`` makes files that all may read."""
    with suppress(OSError):  # it is no file of its own, or somebody else's
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            os.fchmod(file.fileno(), 0o600)


class CertsRenew(Command):
    """Have this host's certificate made anew now; its agents do so by themselves in time."""

    def take_action(self, parsed_args: Namespace) -> None:
        """Ask the masters."""
        context = self.app.context
        kept = host.store(context)
        with context.progress("asking the masters for another certificate"):
            renew(context, kept)
        found = kept.certificate()
        if found:
            context.say(f"renewed, until {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


class CertsRevoke(Command):
    """Shut a host out: its certificates and its password hold no more, on any master."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", help="its HOSTNAME, as 'arpanet certs' shows it")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Revoke."""
        context = self.app.context
        kept = host.store(context)
        name = parsed_args.host
        if name == host.subject(context, "").host:
            raise UsageError(
                f"{name} is this host itself, which could not tell the others",
                "run this on another master",
            )
        with context.progress(f"shutting {name} out"), closing(host.vault(context)) as where:
            mine = host.enrolment(context, kept, where)
            mine.authority()
            if name not in mine.roster().hosts:
                raise ArpanetError(f"no host {name} is let in", "'arpanet certs' lists them")
            roster.shut_out(where, name)
            mine.settle()
        context.say(f"{name} is shut out; masters hear of it within 10 seconds")
