"""``arpanet links``: of this host or of all, and as they change."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from arpanet import codec, hostport
from arpanet.cli.base import WatchingLister
from arpanet.context import Context
from arpanet.errors import ArpanetError
from arpanet.records import Link
from arpanet.registry import LINKS

__all__ = ["Links", "changed", "line", "targets"]

#: Seconds between two looks, while watching.
LOOK = 1.0
#: What is shown of a link; counters are not told to other hosts, and hosts are shown for all.
FIELDS = ("host", "client", "dials", "backend", "targets", "plane", "error", "note")
COUNTERS = ("made", "refused", "last")

#: Targets that are shown to people: of more, only these.
SHOWN = 5

#: (host, link), in order; the host is ``""`` where only this one is asked for.
Found = list[tuple[str, Link]]


class Links(WatchingLister):
    """List the links that this host's containers declare, and where each goes now."""

    asks = "asking where links go"

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--cluster", action="store_true", help="those of all hosts")
        return parser

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Ask the ambassador, or the registry for what all of them have told."""
        context, cluster = self.app.context, parsed_args.cluster
        found, silent = _look(context, cluster)
        for words in silent:
            context.say(words)
        if not found:
            context.say(f"no container on {'any' if cluster else 'this'} host declares a link")
        plain = parsed_args.formatter in ("json", "yaml")
        fields = FIELDS if cluster else (*FIELDS[1:], *COUNTERS)
        most = SHOWN if parsed_args.formatter == "table" else None
        records = [_record(host, link, plain, most) for host, link in found]
        return fields, [tuple(one[name] for name in fields) for one in records]

    def watch(self, parsed_args: Namespace, as_json: bool) -> None:
        """Look at them again and again."""
        context, cluster = self.app.context, parsed_args.cluster
        before, silent = _look(context, cluster)  # says so, and ends, when nobody answers now
        self.tell((_change("+", *one) for one in before), as_json)
        told = ""
        while True:
            words = "; ".join(silent)
            if words != told:
                context.say(words or "all links are seen again")
            told = words
            time.sleep(LOOK)
            try:
                after, silent = _look(context, cluster)
            except ArpanetError as problem:
                silent = [str(problem)]
                continue
            self.tell((_change(*one) for one in changed(before, after)), as_json)
            before = after


def changed(before: Found, after: Found) -> Iterator[tuple[str, str, Link]]:
    """Yield (``-``, ``+`` or ``~``, host, link) for each difference, but for counters."""
    old, new = ({(host, x.client, x.dials, x.spec): x for host, x in y} for y in (before, after))
    for key in sorted(old.keys() - new.keys()):
        yield "-", key[0], old[key]
    for key, link in new.items():
        if key not in old:
            yield "+", key[0], link
        elif old[key] != link:
            yield "~", key[0], link


def _change(sign: str, host: str, link: Link) -> tuple[str, dict[str, Any], str]:
    record = _record(host, link, plain=True)
    shown = {name: record[name] for name in FIELDS[0 if host else 1 :]}
    return sign, shown, line(sign, host, link)


def line(sign: str, host: str, link: Link) -> str:
    """Return one line of ``--watch``."""
    where = targets(link, SHOWN) or "nowhere"
    parts = [sign, host, link.client, link.dials, "=", link.spec, "->", where]
    more = [f"({link.plane})" if link.plane else "", link.error, link.note]
    return " ".join(filter(None, parts + more))


def _look(context: Context, cluster: bool) -> tuple[Found, list[str]]:
    """Return the links, and a line for each host of which none can be had."""
    if not cluster:
        answers = context.bus.collect("arpanet_links", context=context)
        return [("", link) for _, links in answers for link in links], []
    told = context.registry.told(LINKS)
    found: Found = []
    silent = []
    for host in sorted(context.registry.read().hosts):
        if host not in told:
            silent.append(f"host {host} has not told its links: 'arpanet status' there says more")
            continue
        try:
            found += [(host, link) for link in codec.decode_links(told[host])]
        except ValueError as problem:
            silent.append(f"what host {host} tells of its links makes no sense: {problem}")
    return found, silent


def _record(host: str, link: Link, plain: bool, most: int | None = None) -> dict[str, Any]:
    return {
        "host": host,
        "client": link.client,
        "dials": link.dials,
        "backend": link.spec,
        "targets": targets(link, most),
        "plane": link.plane,
        "error": link.error,
        "note": link.note,
        "made": link.made if plain or link.made is not None else "",
        "refused": link.refused if plain or link.refused is not None else "",
        "last": link.last if plain else _moment(link.last),
    }


def targets(link: Link, most: int | None) -> str:
    """Return where *link* goes; of more than *most* targets, these and how many more there are."""
    shown = [hostport.joined(target.ip, target.port) for target in link.targets[:most]]
    more = len(link.targets) - len(shown)
    return " ".join([*shown, *([f"and {more} more"] if more else [])])


def _moment(when: float) -> str:
    """Return a time of day, or the day and the time where that was another."""
    if not when:
        return ""
    there, now = time.localtime(when), time.localtime()
    return time.strftime("%H:%M:%S" if there[:3] == now[:3] else "%Y-%m-%d %H:%M", there)
