"""``arpanet certs rotate``."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing, suppress

from arpanet import ArpanetError, Command, RegistryUnreachable, UsageError, Vault, kinds
from arpanet_identity import host, roster, rotation
from arpanet_identity.rotation import Plan

__all__ = ["CertsRotate"]

#: Seconds between two looks at how far it is.
EVERY = 0.5
#: Seconds after which who holds it up is told how to be waited for no more: hosts that are up look
#: once a minute.
PATIENCE = 90.0


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
        moving = context.progress.moving("changing the cluster's CA")
        with moving as tell, closing(host.vault(context)) as where:
            _check(where, without)
            if rotation.begin(where, kept):
                context.say("open tokens let nobody in any more once the next CA signs")
            else:
                context.say("the cluster's CA is being changed already")
            self._follow(where, without, tell)
        context.say(
            "the cluster's CA was changed; snapshots of before can't be restored any more:"
            " take one now (arpanet master snapshot FILE)"
        )

    def _follow(self, where: Vault, without: tuple[str, ...], tell: Callable[[str], None]) -> None:
        """Return when it is done.

        :param tell: told who is waited for; beside that, each step is said once, and once in a
            while how the waiting can be ended.
        """
        step, advise_at, coming = "", 0.0, rotation.read_next(where)
        while coming:
            with suppress(RegistryUnreachable):  # masters begin anew, one after the other
                left = rotation.read_next(where)  # before the plan, which is done before it goes
                plan, version = rotation.read(where)
                if plan and plan.signer == coming.fingerprint:
                    if not plan.step:
                        break
                    _leave_out(where, plan, version, without)
                    hosts = roster.listed(where)
                    waits = rotation.waiting(plan, hosts, rotation.begun(where))
                    tell(rotation.said(plan, waits))
                    if plan.step != step:
                        self.app.context.say(rotation.said(plan, waits))
                        step, advise_at = plan.step, time.monotonic() + PATIENCE
                    elif waits and time.monotonic() >= advise_at:
                        self.app.context.say(rotation.advice(hosts, waits))
                        advise_at = time.monotonic() + 4 * PATIENCE
                if left != coming:
                    raise ArpanetError(
                        "what the next CA would sign with is gone from the registry",
                        "see 'arpanet status' on each master, and run this again",
                    )
            time.sleep(EVERY)


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
