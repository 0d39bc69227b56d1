"""``arpanet drain``: take a container, or a whole host, out of service by hand, and wait.

What is drained counts as stopping: new connections avoid it, those that are go on. The command
leaves a mark (:mod:`arpanet.host.drained`), which the registrator's agent finds within a second.
"""

import queue
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from arpanet import (
    ARPANET_IP,
    HOSTNAME,
    PART_LABEL,
    ArpanetError,
    Command,
    Container,
    Context,
    Snapshot,
    UsageError,
    drained,
)
from arpanet_registrator.instances import Result, of_host
from arpanet_registrator.listeners import listening
from arpanet_registrator.ports import seen
from arpanet_registrator.settings import Options
from arpanet_registrator.sockets import ESTABLISHED, table
from arpanet_registrator.wait import seconds

__all__ = ["Drain", "held", "others"]

#: Seconds that the registrator may take to publish what was marked.
TAKEN_IN = 15.0
#: Seconds between two looks at connections; none may be there twice: one that was begun before
#: other hosts heard of it may come late.
LOOK = 0.5
#: How many hosts are named of those whose connections are left.
SHOWN = 3
PROC = Path("/proc")


class Drain(Command):
    """Keep new connections from a container, or this whole host, and wait until the old are gone.

    It stays so until it is started anew (a host: until the machine is), or until --undo.
    """

    def get_parser(self, prog_name: str) -> ArgumentParser:
        """Return the command's parser."""
        parser = super().get_parser(prog_name)
        parser.add_argument("container", nargs="?", help="a container that runs on this host")
        parser.add_argument("--host", action="store_true", help="all that runs on this host")
        parser.add_argument(
            "--timeout", type=seconds, default=60.0, help="seconds to wait for the last one (60)"
        )
        parser.add_argument("--undo", action="store_true", help="take new connections again")
        return parser

    def take_action(self, parsed_args: Namespace) -> None:
        """Mark, wait until all hosts can know, then until no connection is left."""
        name, undo = parsed_args.container, parsed_args.undo
        if bool(name) == parsed_args.host:
            raise UsageError("name one container, or give --host", "'docker ps' lists containers")
        context = self.app.context
        running = context.engine.containers()
        chosen = _chosen(context, running, name)
        what = name or f"host {context.settings[HOSTNAME]}"
        snapshot = context.registry.read()  # says so, and ends, when nobody answers
        one = chosen[0] if name else None
        if not drained.change(drained.place(), lambda now: _marked(now, running, one, not undo)):
            context.say(f"{what} {'is not drained' if undo else 'is drained already'}")
            if undo:
                return
        with context.progress(f"telling the other hosts of {what}"):
            _published(context, chosen, not undo)
        if undo:
            context.say(f"{what} takes new connections again")
            return
        for service in others(snapshot, {one.id for one in chosen}):
            context.say(f"service {service} has no other instance: who dials it is refused")
        with context.progress(f"draining {what}") as tell:
            _emptied(what, [seen(one, running) for one in chosen], parsed_args.timeout, tell)
        context.say(f"{what} has no connection left")


def _chosen(
    context: Context, running: Mapping[str, Container], name: str | None
) -> list[Container]:
    """Return the containers that are meant, of those only which are services.

    :raises ArpanetError: there is none, or nobody would take the mark in.
    """
    if not any(one.state == "running" for one in context.engine.own("registrator")):
        raise ArpanetError("no registrator runs on this host", "run 'arpanet slave start'")
    if any(not (PROC / str(one.pid)).is_dir() for one in running.values()):
        raise ArpanetError(
            "connections can't be seen from here", "run this on the host that the containers are on"
        )
    found = _services(context, running)
    serving = {one.container for one in found.instances.values()}
    if name is None:
        every = (one for one in running.values() if PART_LABEL not in one.labels)
        return [one for one in every if one.id in serving]
    inspected = context.engine.inspect(name)
    one = running.get(inspected["Id"]) if inspected else None
    if one is None:
        raise ArpanetError(f"no container {name} runs on this host", "'docker ps' lists them")
    if PART_LABEL in one.labels:
        raise ArpanetError(
            f"container {name} is arpanet's own",
            "'arpanet slave stop' stops those",
        )
    if one.id not in serving:
        why = next((left.why for left in found.left_out if left.container == one.name), "")
        raise ArpanetError(f"container {name} is no service: nothing to drain", why)
    return [one]


def _services(context: Context, running: Mapping[str, Container]) -> Result:
    settings = context.settings
    options = Options.of(settings[HOSTNAME], settings[ARPANET_IP], settings)
    return of_host(running.values(), options, listening(options.ip))


def _marked(
    now: drained.Drained, running: Mapping[str, Container], one: Container | None, on: bool
) -> drained.Drained:
    """Return *now* with *one*, ``None`` being the host, marked or not, and without what is over."""
    if one is None:
        return replace(now, host=on)
    kept = {
        key: started
        for key, started in now.containers.items()
        if key in running and running[key].started == started and key != one.id
    }
    return replace(now, containers={**kept, one.id: one.started} if on else kept)


def _published(context: Context, chosen: Collection[Container], stopping: bool) -> None:
    """Wait until the registry has *chosen* as stopping, or as not, where it has them at all."""
    ids = {one.id for one in chosen}
    news: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
    follower = context.registry.follow(news.put)
    deadline = time.monotonic() + TAKEN_IN
    try:
        while True:
            snapshot = news.get(timeout=max(0.0, deadline - time.monotonic()))
            those = [one for one in snapshot.instances.values() if one.container in ids]
            if all(one.stopping == stopping for one in those):
                return
    except queue.Empty:
        raise ArpanetError(
            f"the registry does not have it after {TAKEN_IN:g} s", "'arpanet status' says more"
        ) from None
    finally:
        follower.close()


def others(snapshot: Snapshot, ids: Collection[str]) -> list[str]:
    """Return the services that none but the containers *ids* serve, by their proper names."""
    found: dict[str, bool] = {}
    for one in snapshot.instances.values():
        if one.services and (one.container in ids or not one.stopping):
            name = one.services[0]
            found[name] = found.get(name, True) and one.container in ids
    return sorted(name for name, alone in found.items() if alone)


def held(container: Container, proc: Path) -> Counter[str]:
    """Return who is connected to the TCP ports of *container*, itself left out: address -> count.

    One that has ended holds nothing.
    """
    ports = {port.number for port in container.ports if port.protocol == "tcp"}
    return Counter(
        str(one.peer)
        for one in table("tcp", proc / str(container.pid) / "net")
        if one.state in ESTABLISHED and one.port in ports and not one.peer.is_loopback
    )


def _emptied(
    what: str, chosen: Collection[Container], timeout: float, tell: Callable[[str], None]
) -> None:
    """Wait until *chosen* have no connection.

    :raises ArpanetError: some are left after *timeout* seconds.
    """
    deadline = time.monotonic() + timeout
    clear = 0
    while True:
        left: Counter[str] = Counter()
        for one in chosen:
            left += held(one, PROC)
        clear = 0 if left else clear + 1
        if clear > 1:
            return
        if time.monotonic() >= deadline:
            most = ", ".join(f"{count} of {who}" for who, count in left.most_common(SHOWN))
            raise ArpanetError(
                f"{what} has {left.total()} connections left after {timeout:g} s, {most}",
                "it takes no new ones; run this again to wait on, or with --undo",
            )
        tell(f"{left.total()} connections left")
        time.sleep(min(LOOK, timeout))
