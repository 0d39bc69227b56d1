"""``arpanet certs rotate``."""

import time
from argparse import ArgumentParser, Namespace
from contextlib import closing, suppress

from arpanet import ArpanetError, Command, RegistryUnreachable, UsageError, Vault, kinds
from arpanet_identity import host, roster, rotation
from arpanet_identity.rotation import Plan

__all__ = ["CertsRotate"]

#: Seconds between two looks at how far it is.
EVERY = 0.5


class CertsRotate(Command):
    """Change the cluster's CA, with the cluster up: masters do it, and this waits for them.

    Ended early, it goes on; run again, it waits again.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--without",
            default="",
            metavar="HOST,...",
            help="slaves that are away, and not waited for: they have to be let in again",
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Begin, unless it was begun, and say how far it is until it is done."""
        context = self.app.context
        kept = host.store(context)
        try:
            without = kinds.names(parsed_args.without)
        except ValueError as problem:
            raise UsageError(f"--without {parsed_args.without}: {problem}") from None
        if kept.authority() is None:
            raise ArpanetError("this host is no master, so it has no CA", "run this on a master")
        with closing(host.vault(self.app.context)) as where:
            _check(where, without)
            if rotation.begin(where, kept):
                context.say("open tokens let nobody in any more once the next CA signs")
            else:
                context.say("the cluster's CA is being changed already")
            self._follow(where, without)

    def _follow(self, where: Vault, without: tuple[str, ...]) -> None:
        before, coming = "", rotation.read_next(where)
        while coming:
            with suppress(RegistryUnreachable):  # masters begin anew, one after the other
                left = rotation.read_next(where)  # before the plan, which is done before it goes
                plan, version = rotation.read(where)
                if plan and plan.signer == coming.fingerprint:
                    if not plan.step:
                        break
                    _leave_out(where, plan, version, without)
                    waits = rotation.waiting(plan, roster.listed(where), rotation.begun(where))
                    if waits and (words := rotation.said(plan, waits)) != before:
                        self.app.context.say(words)
                        before = words
                if left != coming:
                    raise ArpanetError(
                        "what the next CA would sign with is gone from the registry",
                        "see 'arpanet status' on each master, and run this again",
                    )
            time.sleep(EVERY)
        self.app.context.say(
            "the cluster's CA was changed; snapshots of before can't be restored any more:"
            " take one now (arpanet master snapshot FILE)"
        )


def _check(where: Vault, without: tuple[str, ...]) -> None:
    hosts = roster.listed(where)
    for name in without:
        if name not in hosts:
            raise UsageError(f"--without {name}: no such host is let in")
        if hosts[name].role == "master":
            raise UsageError(
                f"--without {name}: it is a master", "start it, or 'arpanet certs revoke' it"
            )


def _leave_out(where: Vault, plan: Plan, version: int, without: tuple[str, ...]) -> None:
    if more := tuple(name for name in without if name not in plan.without):
        rotation.change(where, plan.leaving_out(more), version)
