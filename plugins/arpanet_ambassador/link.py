"""``arpanet link add``, ``rm`` and ``list``: links of containers that run already."""

import re
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from arpanet import ARPANET_MASTERS, ArpanetError, Command, Container, Context, Lister, statusfile
from arpanet_ambassador import nodes, volume
from arpanet_ambassador.links import report
from arpanet_ambassador.links.added import Added, by_container, port_of, put, without
from arpanet_ambassador.links.addition import judged
from arpanet_ambassador.links.declare import HOST, Declared, Declaring, owner
from arpanet_ambassador.links.specs import masters, root
from arpanet_ambassador.planes.namespaces import name_of
from arpanet_ambassador.planes.socket.host import Host, Unavailable
from arpanet_ambassador.planes.socket.spaces import ROOT
from arpanet_ambassador.settings import AMBASSADOR_NAME, ARPANET_PLANE, NAME, PROXY

__all__ = ["LinkAdd", "LinkList", "LinkRm", "duration"]

#: Seconds that the ambassador may take to act on a change.
_PATIENCE, _LOOK = 5.0, 0.1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class LinkAdd(Command):
    """Link a running container to a service: its app dials localhost, from now on."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("client", help="the container")
        parser.add_argument("port", help="what its app dials at localhost: <port> or <port>/udp")
        parser.add_argument("spec", help="where that goes: a service, as in a declaration")
        parser.add_argument(
            "--for", dest="seconds", type=duration, default=0, help="until it ends: 90s, 10m, 1h30m"
        )
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Look whether there can be such a link, keep it, and say what became of it."""
        context = self.app.context
        place = volume.place_of(context.engine)
        client = _running(context, parsed_args.client)
        now, span = volume.now(), parsed_args.seconds
        ends = (now.wall + span, now.boot, now.up + span) if span else ()
        with _refused(f"container {client.name}"):
            port, protocol = port_of(parsed_args.port)
            fresh = Added(client.id, port, protocol, parsed_args.spec.strip(), *ends)
            link = _judged(context, client, fresh, volume.read(place))
        volume.change(place, lambda every: put(_alive(context, every), fresh))
        context.say(_outcome(context, link))


class LinkRm(Command):
    """Take a link that was added away again; open connections go on."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("client", help="the container")
        parser.add_argument("port", help="as it was added: <port> or <port>/udp")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Keep it no more."""
        context = self.app.context
        place = volume.place_of(context.engine)
        found = context.engine.inspect(parsed_args.client)
        if not found:
            raise _no_container(parsed_args.client)
        with _refused(f"container {parsed_args.client}"):
            dialled = (str(found["Id"]), *port_of(parsed_args.port))
        if all(one.dialled != dialled for one in volume.read(place)):
            context.say(
                f"container {parsed_args.client}: no link was added at {parsed_args.port}; what it "
                "declares itself stays for as long as it lives"
            )
            return
        volume.change(place, lambda every: without(_alive(context, every), dialled))


class LinkList(Lister):
    """List the links that were added on this host, and when each ends."""

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser: ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("client", nargs="?", help="of this container only")
        return parser

    def take_action(self, parsed_args: Namespace) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Read what is kept."""
        engine, only = self.app.context.engine, parsed_args.client
        kept = by_container(volume.read(volume.place_of(engine)), volume.now())
        plain = parsed_args.formatter in ("json", "yaml")
        rows = []
        for container, own in kept.items():
            found = engine.inspect(container)
            name = str(found["Name"]).lstrip("/") if found else ""
            if name and only in (None, name, container):
                for one in sorted(own):
                    port = f"{one.port}/udp" if one.protocol == "udp" else str(one.port)
                    until = one.until if plain else _moment(one.until)
                    rows.append((name, port, one.text, until))
        return ("client", "port", "spec", "until"), sorted(rows, key=lambda row: row[0])


# -- one link ------------------------------------------------------------------------------------


def _running(context: Context, name: str) -> Container:
    """:raises ArpanetError: there is no such container, or it does not run."""
    found = context.engine.inspect(name)
    if not found:
        raise _no_container(name)
    client = context.engine.container(str(found["Id"]))
    if client is None:
        raise ArpanetError(f"container {name} does not run", f"'docker start {name}' first")
    return client


def _no_container(name: str) -> ArpanetError:
    return ArpanetError(f"there is no container {name} on this host", "'docker ps' lists them")


@contextmanager
def _refused(what: str) -> Iterator[None]:
    try:
        yield
    except ValueError as problem:
        raise ArpanetError(f"{what}: {problem}") from None


def _judged(context: Context, client: Container, fresh: Added, kept: tuple[Added, ...]) -> Declared:
    """Return what the link would be, beside all others of this host.

    :raises ValueError: there can't be such a link; one sentence says why.
    """
    settings, containers = context.settings, context.engine.containers()
    given = settings[ARPANET_MASTERS]
    containers.setdefault(client.id, client)
    # only what names a master has to be compared with all of them
    hosts = context.registry.read().hosts.values() if "://" in fresh.text else ()
    world = Declaring(
        containers=containers,
        ambassador=settings[AMBASSADOR_NAME],
        masters=masters(given, hosts),
        root=root(settings),
        namespaces={one.id: name_of(one.pid) for one in containers.values()},
        added=by_container(kept, volume.now()),
    )
    link = judged(fresh, world, proxy_only=settings[ARPANET_PLANE] == PROXY)
    if owner(client, containers).network_mode == HOST:
        try:
            if Host().cgroup(client.pid) is None:
                raise ValueError(ROOT)
        except (Unavailable, OSError) as problem:
            raise ValueError(f"it is on the host's own network, and {problem}") from None
    return link


def _alive(context: Context, every: tuple[Added, ...]) -> tuple[Added, ...]:
    """Return those that have not ended, of containers that there are still."""
    engine = context.engine
    return tuple(
        one
        for container, own in by_container(every, volume.now()).items()
        if engine.inspect(container)
        for one in own
    )


def _outcome(context: Context, wanted: Declared) -> str:
    """Return what the ambassador has made of a link, in one line."""
    engine, deadline = context.engine, time.monotonic() + _PATIENCE
    name = nodes.running(engine)
    while time.monotonic() < deadline:
        state = statusfile.read(engine, name, NAME)
        for link in report.decode(state) if state else ():
            if (link.client, link.dials, link.spec) == (wanted.client, wanted.dials, wanted.text):
                return report.line(link)
        time.sleep(_LOOK)
    return (
        f"{wanted.client}: {wanted.dials} = {wanted.text} is kept, and the ambassador has not "
        "taken it up yet: 'arpanet status' says more"
    )


def _moment(when: float) -> str:
    return time.strftime("%F %T", time.localtime(when)) if when else ""


def duration(text: str) -> int:
    """Return the seconds that ``90s``, ``10m``, ``1h30m`` or ``2d`` are."""
    parts = re.findall(r"([0-9]{1,9})([smhd])", text)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if "".join(map("".join, parts)) != text or not 0 < seconds <= 3650 * _UNITS["d"]:
        raise ArgumentTypeError(f"{text!r} is no time: write 90s, 10m, 1h30m or 2d")
    return seconds
