"""What tests wait for, looked at without starting the command line, which takes half a second.

These are the same questions to the same places: the host's settings, its Docker, the registry.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from arpanet_lab.host import Host

from arpanet import codec, events, plugins, settings
from arpanet.context import Context
from arpanet.docker.engine import Engine
from arpanet.errors import EngineError, RegistryUnreachable
from arpanet.records import Instance, Snapshot
from arpanet.registry import LINKS
from tests.conftest import wait_for
from tests.support.labs import docker_of

__all__ = ["instances", "links", "own", "pid_of", "services", "status", "told"]


def services(host: Host) -> dict[str, list[str]]:
    """Service -> its addresses, as *host* sees them, once a master answers."""
    found: dict[str, list[str]] = {}
    for one in instances(host):
        if one.services:
            found.setdefault(one.services[0], []).append(one.address)
    return found


def instances(host: Host) -> list[Instance]:
    """Return what is registered, as *host* sees it, once a master answers."""
    answers: list[Snapshot] = []

    def answered() -> bool:
        with _context(host) as context, suppress(RegistryUnreachable):
            answers.append(context.registry.read())
        return bool(answers)

    wait_for(answered)
    return list(answers[0].instances.values())


def told(host: Host) -> list[tuple[str, Any]]:
    """Return (host, link) of all links that the cluster's hosts told of, as *host* hears it."""
    with _context(host) as context:
        hosts, found = sorted(context.registry.read().hosts), context.registry.told(LINKS)
    known = [one for one in hosts if one in found]
    return [(one, link) for one in known for link in codec.decode_links(found[one])]


def links(host: Host) -> list[Any]:
    """Return the links of *host*'s clients; none while it has no ambassador to ask."""
    with _context(host) as context:
        try:
            answers = context.bus.collect("arpanet_links", context=context)
        except EngineError:
            return []
    return [link for _, found in answers for link in found]


def status(host: Host, **given: str) -> dict[str, Any]:
    """Part -> how it is on *host*, for a command that has *given* in its environment."""
    with _context(host, **given) as context:
        answers = context.bus.collect("arpanet_status", context=context)
    return {line.part: line for _, lines in answers for line in lines}


def own(host: Host) -> dict[str, str]:
    """Name -> id of arpanet's containers on *host* that run."""
    with docker_of(host) as api:
        found = api.containers(filters={"label": "arpanet.part"})
    # a container that others link to has their names for it as well: /client/redis
    return {
        name.strip("/"): one["Id"] for one in found for name in one["Names"] if name.count("/") == 1
    }


def pid_of(host: Host, container: str) -> int:
    """Return the process of a running container, as its host numbers it."""
    with docker_of(host) as api:
        return int(api.inspect_container(container)["State"]["Pid"])


@contextmanager
def _context(host: Host, **given: str) -> Iterator[Context]:
    bus = _bus()
    own_environment = host.environment(given)
    identity = {"ARPANET_IDENTITY": str(host.home / ".arpanet")}
    found = settings.load(settings.declared(bus), identity, own_environment)
    context = Context(found, bus, logging.getLogger("arpanet").info)
    context.engine = Engine.connect(f"unix://{host.docker_socket}")
    context.engine.processes = Path(f"/proc/{host.pid}/root/proc")
    try:
        yield context
    finally:
        context.close()


@cache
def _bus() -> events.Bus:
    manager, report = plugins.load()
    builtin = frozenset(one.name for one in report if one.builtin)
    return events.Bus(manager, events.raise_failure(builtin))
