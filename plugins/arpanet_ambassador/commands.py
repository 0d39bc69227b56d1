"""``arpanet flows``; and ``clear``, which runs in a container of its own."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from typing import Any

from arpanet import ArpanetError, Command, Lister, statusfile
from arpanet_ambassador import nodes
from arpanet_ambassador.flows.files import FIELDS, PART
from arpanet_ambassador.settings import ARPANET_PLANE

__all__ = ["Clear", "Flows", "nothing"]


class Flows(Lister):
    """List who talks to whom: what this host's clients dialled, and where that went."""

    need_sort_by_cliff = False

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Ask the ambassador."""
        context = self.app.context
        name = nodes.running(context.engine)
        left = statusfile.read(context.engine, name, PART) or {}
        found = left.get("flows", ())
        if more := left.get("more"):
            context.say(f"{more} more were seen before these")
        if not found:
            answers = context.bus.collect("arpanet_links", context=context)
            planes = {link.plane for _, links in answers for link in links}
            why = nothing(planes, context.settings[ARPANET_PLANE])
            context.say(f"nothing was seen: {why}")
        rows = [tuple(one[name] for name in FIELDS) for one in found]
        if parsed_args.formatter not in ("json", "yaml"):
            rows = [(*row[:-1], time.strftime("%F %T", time.localtime(row[-1]))) for row in rows]
        return FIELDS, rows


def nothing(planes: Collection[str], setting: str) -> str:
    """Return why nothing was seen, where links are on these *planes*.

    :param setting: what ARPANET_PLANE is.
    """
    if "socket" in planes:
        return "nothing was dialled, or in the last seconds only"
    if any(planes):
        why = "'arpanet links' says why" if setting == "auto" else f"ARPANET_PLANE={setting}"
        return f"only the socket plane sees who dials what, and no link here is on it: {why}"
    if planes:
        return "no link here is carried: 'arpanet links' says why"
    return "no container here has a link, and others are not looked at"


class Clear(Command):
    """Take every link out of this host's containers; 'slave stop' calls it."""

    hidden = True

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--here", action="store_true", help="of this network namespace alone")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Clear."""
        from arpanet_ambassador.clear import clear, here

        if parsed_args.here:
            here()
        elif troubles := clear(self.app.context.engine):
            every = "; ".join(f"{name}: {troubles[name]}" for name in sorted(troubles))
            raise ArpanetError(every, "restart these containers")
