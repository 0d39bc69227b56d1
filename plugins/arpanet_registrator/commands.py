"""``arpanet services``: what is registered, where, and as it changes."""

import queue
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from arpanet import (
    ARPANET_IP,
    HOSTNAME,
    ArpanetError,
    Context,
    Snapshot,
    WatchingLister,
    lost_instances,
    statusfile,
)
from arpanet_registrator import listing
from arpanet_registrator.conflicts import mixed
from arpanet_registrator.instances import REFUSES, Result, of_host
from arpanet_registrator.listeners import listening
from arpanet_registrator.settings import NAME, Options

__all__ = ["Services"]

#: Seconds between two looks, while watching, at whether the registry can still be reached.
LOOK = 1.0


class Services(WatchingLister):
    """List the services of the whole arpanet, or one of them, and where each of them runs."""

    asks = "asking the masters"

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", nargs="?", help="a service; all of them without it")
        return parser

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Read the registry."""
        context = self.app.context
        snapshot = listing.with_lost(context.registry.read(), lost_instances(context))
        two_ways = mixed(listing.chosen(snapshot, parsed_args.name))
        for said in dict.fromkeys(words for _, words in two_ways):
            context.say(said)
        found = listing.rows(snapshot, parsed_args.name)
        for said in _missing(context, parsed_args.name, snapshot, bool(found)):
            context.say(said)
        now = time.time()
        records = [listing.record(one, now, refused) for one, refused in found.values()]
        if parsed_args.formatter not in ("json", "yaml"):
            records = [listing.words(one) for one in records]
        return listing.FIELDS, [tuple(one[name] for name in listing.FIELDS) for one in records]

    def watch(self, parsed_args: Namespace, as_json: bool) -> None:
        """Follow the registry."""
        registry = self.app.context.registry
        registry.read()  # says so, and ends, when nobody answers now
        news: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        follower = registry.follow(news.put)
        before: Mapping[str, listing.Row] = {}
        trouble = ""
        try:
            while True:
                try:
                    after = listing.rows(news.get(timeout=LOOK), parsed_args.name)
                except queue.Empty:
                    # not before: until its first news a follower is on its way, not in trouble
                    before_that, trouble = trouble, follower.trouble
                    if trouble != before_that:
                        self.app.context.say(trouble or "the registry is followed again")
                    continue
                self.tell(map(_change, listing.changed(before, after)), as_json)
                before = after
        finally:
            follower.close()


def _change(one: tuple[str, listing.Row]) -> tuple[str, Mapping[str, Any], str]:
    sign, (instance, refused) = one
    record = listing.record(instance, time.time(), refused)
    return sign, record, listing.line(sign, record)


def _missing(context: Context, name: str | None, snapshot: Snapshot, found: bool) -> Iterator[str]:
    """Yield why none was *found*, and which of this host's the registry has not."""
    refused = _refused(context)
    if name is None:
        if not found:
            yield "no service yet: no published port on any slave"
        yield from refused
        return
    here = _here(context)
    if not found:
        yield f"service {name} has no instance"
        yield from listing.hints(name, snapshot, here.left_out)
    for key, one in here.instances.items():
        if name in one.services and key not in snapshot.instances:
            why = [line for line in refused if f"{REFUSES} {key}: " in line]
            yield from why or [f"{key} is not registered, or not yet: 'arpanet status' says why"]


def _refused(context: Context) -> list[str]:
    """Return what this host's registrator warns of that the registry does not take."""
    lines: object = ()
    with suppress(ArpanetError):  # it was the registry that was asked for
        for one in context.engine.own(NAME):
            lines = (statusfile.read(context.engine, one.name, NAME) or {}).get("warnings")
    return [line for line in lines if REFUSES in line] if isinstance(lines, list) else []


def _here(context: Context) -> Result:
    """Return what this host's containers come to; nothing where its Docker can't be asked."""
    try:
        ip = context.settings[ARPANET_IP]
        options = Options.of(context.settings[HOSTNAME], ip, context.settings)
        containers = context.engine.containers().values()
    except ArpanetError:  # it was the registry that was asked for
        return Result({})
    return of_host(containers, options, listening(ip))
