"""``arpanet token create|list|revoke``: what lets new hosts in."""

import re
import sys
from argparse import ArgumentParser, Namespace
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from arpanet import ArpanetError, Command, Lister, UsageError
from arpanet_identity import authority, host, ranges, rotation, tokens

__all__ = ["TokenCreate", "TokenList", "TokenRevoke", "duration"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: The longest that a token may be good for, in seconds.
LONGEST = 366 * 86400
#: What is waited for.
ASKS = "asking the masters"


def duration(text: str) -> int:
    """Return the seconds of ``90s``, ``10m``, ``1h`` or ``2d``.

    :raises UsageError: it is none of these, or longer than a year.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise UsageError(f"{text!r} is no time up to a year", "for example 30m, 1h or 2d")
    return seconds


class TokenCreate(Command):
    """Make a token that lets a host in, and print the line to run there."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--role", choices=authority.ROLES, default="slave", help="what the host is to be"
        )
        parser.add_argument(
            "--for", dest="time", default="1h", metavar="TIME", help="30m, 1h, 2d; 1h if not given"
        )
        parser.add_argument(
            "--uses", type=int, default=1, metavar="N", help="for how many hosts; 1 if not given"
        )
        parser.add_argument(
            "--ip", default="", metavar="A,...", help="addresses beside the one it asks from"
        )
        ranges.add_option(parser, "a network that its instances may be in")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Print the line."""
        context = self.app.context
        seconds = duration(parsed_args.time)
        if not 1 <= parsed_args.uses <= 1000:
            raise UsageError(f"--uses {parsed_args.uses}: a token is for 1 to 1000 hosts")
        try:
            addresses = host.addresses(parsed_args.ip)
        except ValueError as problem:
            raise UsageError(f"--ip {parsed_args.ip}: {problem}") from None
        addresses += ranges.parse(parsed_args.range)
        mine = host.store(context).authority()
        if mine is None:
            raise ArpanetError("this host is no master, so it has no CA", "run this on a master")
        with context.progress.moving(ASKS), closing(host.vault(context)) as where:
            token = tokens.create(
                where,
                authority.fingerprint(mine.certificate),
                parsed_args.role,
                seconds,
                parsed_args.uses,
                addresses,
            )
            try:
                rotation.check_signer(where, mine.certificate)
            except ArpanetError:
                tokens.revoke(where, token.id)
                raise
        sys.stdout.write(f"arpanet join {host.place(context)} --token {token}\n")


class TokenList(Lister):
    """List the tokens that still let somebody in; what they are is not known to anybody."""

    asks = ASKS

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Read them."""
        host.store(self.app.context)
        with closing(host.vault(self.app.context)) as where:
            found = sorted(tokens.kept(where), key=lambda one: one.until)
        rows = [(one.id, one.role, one.uses, _time(one.until)) for one in found]
        return ("id", "role", "uses", "until"), rows


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


class TokenRevoke(Command):
    """Let nobody in with a token any more."""

    asks = ASKS

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("id", help="its id, as 'token list' shows it, or all of it")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Drop it."""
        context = self.app.context
        host.store(context)
        given = parsed_args.id
        token_id = tokens.parse(given).id if given.startswith(tokens.BEGIN) else given
        with closing(host.vault(self.app.context)) as where:
            if not (re.fullmatch(r"[0-9a-f]+", token_id) and tokens.revoke(where, token_id)):
                raise ArpanetError(f"there is no token {token_id}", "'arpanet token list' has all")
        context.say(f"token {token_id} lets nobody in any more")
