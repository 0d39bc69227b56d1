"""``arpanet wait``: a script goes on when a service can be had."""

import queue
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping

from arpanet import ArpanetError, Command, Instance, Snapshot
from arpanet_registrator import listing

__all__ = ["Wait", "ready", "seconds", "state"]

#: Health of what new connections go to; ``""``: it has no check.
_READY = ("", "healthy")


class Wait(Command):
    """Wait until a service has as many instances as are wanted, all of them ready."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="the service")
        parser.add_argument("--count", type=_count, default=1, help="how many instances (1)")
        parser.add_argument(
            "--timeout", type=seconds, default=60.0, help="seconds until it gives up (60)"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Follow the registry until there are enough, or time is over."""
        registry, name, wanted = self.app.context.registry, parsed_args.name, parsed_args.count
        registry.read()  # says so, and ends, when nobody answers now
        news: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        follower = registry.follow(news.put)
        deadline = time.monotonic() + parsed_args.timeout

        def sight() -> Mapping[str, Instance]:
            left = max(0.0, deadline - time.monotonic())
            return listing.chosen(news.get(timeout=left), name)

        words = state(name, {}, wanted)
        try:
            found = sight()
            while len(ready(found)) < wanted:
                words = state(name, found, wanted)
                with self.app.context.progress(f"{words}: waiting"):
                    while state(name, found, wanted) == words:
                        found = sight()
        except queue.Empty:
            raise ArpanetError(
                f"{words}, after {parsed_args.timeout:g} s", f"'arpanet services {name}' says more"
            ) from None
        finally:
            follower.close()


def ready(found: Mapping[str, Instance]) -> list[Instance]:
    """Return those that may be dialled now: confirmed, not ill, neither beginning nor ending."""
    return [one for one in found.values() if one.health in _READY and not one.unconfirmed]


def state(name: str, found: Mapping[str, Instance], wanted: int) -> str:
    """Return in one sentence what there is, and why more of it does not count."""
    fine = {one.id for one in ready(found)}
    others = [
        f"{one.id} is {'unconfirmed' if one.unconfirmed else one.health}"
        for one in found.values()
        if one.id not in fine
    ]
    words = f"service {name} has {len(fine)} of {wanted} instances ready"
    return f"{words} ({', '.join(others)})" if others else words


def _count(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= 10_000):
        raise ArgumentTypeError(f"{text!r} is no number from 1 to 10000")
    return int(text)


def seconds(text: str) -> float:
    """Return the seconds that a person gave.

    :raises ArgumentTypeError: they are none, or more than a day.
    """
    try:
        given = float(text)
    except ValueError:
        given = -1.0
    if not 0 < given <= 86400:
        raise ArgumentTypeError(f"{text!r} is no number of seconds, up to a day")
    return given
