"""``arpanet service reserve``, ``release`` and ``list``: who may offer a name."""

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Collection

from arpanet import Command, Lister, Snapshot, kinds
from arpanet_etcd.registry.trust import NAMES, reservation

__all__ = ["ServiceList", "ServiceRelease", "ServiceReserve"]


#: What tells masters, who put back the names that a store lost, that one was given back; for a year
#: (seconds): one that was away for longer puts it back.
RELEASED, REMEMBERED = "released/", 366 * 86400


class ServiceReserve(Command):
    """Let only these hosts offer a service: instances of that name from elsewhere are refused."""

    asks = "asking the masters"

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", type=_service, help="the service's name")
        parser.add_argument(
            "--hosts", type=_hosts, required=True, metavar="HOST,…", help="HOSTNAMEs that may"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Write it, and say what that means now."""
        context, name, hosts = self.app.context, parsed_args.name, parsed_args.hosts
        context.vault.write(f"{NAMES}{name}", json.dumps({"hosts": hosts}))
        context.vault.delete(f"{RELEASED}{name}")
        taken = {one.removeprefix(NAMES) for one in context.vault.list(NAMES)}
        for said in _consequences(context.registry.read(), name, hosts, taken):
            context.say(said)


class ServiceRelease(Command):
    """Let every host offer a service again."""

    asks = "asking the masters"

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", type=_name, help="the service's name")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Delete what was written; content where nothing was."""
        context, name = self.app.context, parsed_args.name
        context.vault.write(f"{RELEASED}{name}", "yes", ttl=REMEMBERED)
        if not context.vault.delete(f"{NAMES}{name}"):
            context.say(f"{name} is not reserved")


class ServiceList(Lister):
    """List the reserved names, and the hosts that may offer each."""

    asks = "asking the masters"

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
        """Read the vault."""
        rows = []
        for key, entry in self.app.context.vault.list(NAMES).items():
            try:
                hosts = ",".join(sorted(reservation(entry.value)))
            except ValueError as problem:
                hosts = f"? {problem}: reserve it again"
            rows.append((key.removeprefix(NAMES), hosts))
        return ("service", "hosts"), rows


def _consequences(
    snapshot: Snapshot, name: str, hosts: list[str], taken: Collection[str]
) -> list[str]:
    """Return what a person may not have meant.

    :param taken: all names that are reserved.
    """
    strangers = sorted(set(hosts) - snapshot.hosts.keys())
    said = [f"{', '.join(strangers)}: no such host is up now"] if strangers else []
    known = [*snapshot.instances.values(), *(one.instance for one in snapshot.refused)]
    others = sorted({one.id for one in known if name in one.services and one.host not in hosts})
    if others:
        said.append(f"refused from now on: {', '.join(others)}")
    offered = {service for one in known for service in one.services}
    by_port = re.compile(f"{re.escape(name)}-[0-9]+")
    free = sorted(one for one in offered - set(taken) if by_port.fullmatch(one))
    if free:
        said.append(f"still anybody's, as a name of its own: {', '.join(free)}; reserve it, too")
    return said


def _service(text: str) -> str:
    """Return *text*, which an instance can have as a name: whoever mistypes one reserves nothing.

    To release, any name will do that was ever reserved.
    """
    try:
        return kinds.service_name(text)
    except ValueError as problem:
        raise ArgumentTypeError(f"{text!r} {problem}") from problem


def _name(text: str) -> str:
    if not text or "/" in text or not text.isprintable():
        raise ArgumentTypeError(f"{text!r} is no service's name")
    return text


def _hosts(text: str) -> list[str]:
    try:
        found = sorted({kinds.host_name(one) for one in kinds.names(text)})
    except ValueError as problem:
        raise ArgumentTypeError(f"{text!r} {problem}") from problem
    if not found:
        raise ArgumentTypeError("must name a host; 'arpanet service release' gives the name back")
    return found
