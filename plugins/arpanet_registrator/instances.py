"""Containers -> instances: which ports are services, and under which names. Pure.

registrator's rules (``bridge/bridge.go`` at its last commit), and where arpanet differs, why:

* A container with several ports names them ``name-port``, with one port plain ``name``: adding or
  dropping a port renames a service. So one with a single port answers to ``name-port`` too, and the
  name that several were given with ``SERVICE_NAME`` leads to the lowest of them, whether that one
  is named, ignored or neither: a name never moves to another port because of what is said of a
  sibling. The image's name, which nobody gave, is not shared in this way: ``nginx`` would be HTTP
  here and TLS there. 53/tcp and 53/udp are one port with two protocols.
* On the host's network an exposed port is a service only while somebody listens on it, or when its
  container gives it a name.
* What nobody listens on yet, in a container that was started just now, counts as ``starting``.
* What only this host reaches is a service for its own clients, where it is given a name.
* An id given twice is refused the second time, since one entry would overwrite the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from arpanet import PART_LABEL, Container, Instance, hostport
from arpanet_registrator.checks import Check, aimed, asked, mistakes, worse
from arpanet_registrator.conflicts import mixed
from arpanet_registrator.naming import declared, default_name, named_ports
from arpanet_registrator.ports import Candidate, candidates, seen
from arpanet_registrator.settings import Options

__all__ = ["REFUSES", "Awaited", "LeftOut", "Listening", "Result", "of_host"]

#: (port, protocol) -> whether somebody listens there on the host's network.
Listening = Callable[[int, str], bool]
#: (container, port in it, protocol) -> whether nobody listens there yet.
Awaited = Callable[[Container, int, str], bool]

#: Links carry no others, and ids tell no others apart.
PROTOCOLS = ("tcp", "udp")
#: What a warning says of an instance, before its id.
REFUSES = "the registry refuses"
ADVICE = "publish it with -p, or give it a SERVICE_NAME for clients on this host alone"


@dataclass(frozen=True)
class LeftOut:
    """A port, or a whole container, that is no service.

    :ivar container: its name.
    :ivar services: the names that it would have.
    """

    container: str
    services: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Result:
    """What a host's containers come to.

    :ivar instances: by id.
    :ivar warnings: container id -> what is odd about its declarations.
    :ivar silent: what becomes an instance, or a better one, as soon as somebody listens there: its
        default id and its container's start.
    :ivar checks: what is to be asked of what: a container's id, and the port in it.
    """

    instances: Mapping[str, Instance] = field(default_factory=dict)
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: frozenset[tuple[str, str]] = frozenset()
    left_out: tuple[LeftOut, ...] = ()
    checks: Mapping[tuple[str, int], Check] = field(default_factory=dict)


@dataclass(frozen=True)
class _Draft:
    """An instance under its default id.

    :ivar wanted: the id that is asked for.
    :ivar started: when its container was.
    :ivar silent: nobody listens there.
    :ivar counts: it is an instance all the same.
    """

    instance: Instance
    wanted: str
    started: str
    silent: bool
    counts: bool


@dataclass
class _Work:
    drafts: list[_Draft] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    checks: dict[tuple[str, int], Check] = field(default_factory=dict)

    def warn(self, container: str, *lines: str) -> None:
        if lines:
            self.warnings.setdefault(container, []).extend(lines)


def of_host(
    containers: Iterable[Container],
    options: Options,
    listening: Listening,
    health: Mapping[tuple[str, int], str] | None = None,
    awaited: Awaited = lambda container, port, protocol: False,
) -> Result:
    """Return the instances that the running *containers* of a host make.

    :param health: what became of earlier results' *checks*.
    :param awaited: asked of what has no health check.
    """
    # the oldest first: a newcomer does not take the id of one that is registered
    ordered = sorted(containers, key=lambda one: (one.started, one.name))
    running = {one.id: one for one in ordered}
    work = _Work()
    for container in ordered:
        _look_at(seen(container, running), options, listening, health or {}, awaited, work)
    found = _with_ids(work)
    for key, line in mixed(found):
        work.warn(key, line)
    return Result(
        found,
        {key: tuple(dict.fromkeys(said)) for key, said in work.warnings.items()},
        frozenset((draft.instance.id, draft.started) for draft in work.drafts if draft.silent),
        tuple(work.left_out),
        work.checks,
    )


def _with_ids(work: _Work) -> dict[str, Instance]:
    """Return the drafts that count, each under the id that it asks for where that is free."""
    taken = {draft.instance.id for draft in work.drafts}
    found: dict[str, Instance] = {}
    for draft in work.drafts:
        one, wanted = draft.instance, draft.wanted
        if wanted and wanted != one.id:
            if wanted in taken:
                work.warn(
                    one.container,
                    f"SERVICE_ID={wanted} is in use, {one.id} stands in: give each port its own",
                )
            else:
                one = replace(one, id=wanted)
                taken.add(wanted)
        if draft.counts:
            found[one.id] = one
    return found


def _look_at(
    container: Container,
    options: Options,
    listening: Listening,
    health: Mapping[tuple[str, int], str],
    awaited: Awaited,
    work: _Work,
) -> None:
    checkable = set()
    every = candidates(container, options)
    # before anything is ignored or named: what is said of one port must not rename another
    counted = [one for one in every if one.published] or every
    group = len({one.number for one in counted}) > 1
    lowest = min((one.number for one in [c for c in counted if c.ip] or counted), default=0)
    own = PART_LABEL in container.labels
    on_host = container.network_mode == "host"
    if not every and not own:
        why = "it has no port: publish one with -p"
        work.left_out.append(LeftOut(container.name, (default_name(container),), why))
    for number in sorted(named_ports(container) - {one.number for one in every}):
        why = f"it neither publishes nor exposes port {number}, which SERVICE_{number}_NAME names"
        work.left_out.append(LeftOut(container.name, declared(container, number).names, why))
        work.warn(container.id, why)
    for one in every:
        if own and not one.says.names:
            continue  # arpanet's own containers are services only where they name themselves
        names = _names(container, one, group, lowest)
        local = {} if on_host else _local(container, one.number)
        why = _why_not(one, options, bool(local))
        silent = on_host and not one.says.names and not listening(one.number, one.protocol)
        work.warn(container.id, *one.says.warnings, *_odd(one, why))
        if why:
            work.left_out.append(LeftOut(container.name, names, why))
            continue
        if silent:
            said = f"nothing listens on port {one.number} of the host's network"
            work.left_out.append(LeftOut(container.name, names, said))
        instance = _instance(container, one, names, local, options)
        if one.protocol == "tcp":
            checkable.add(one.number)
            if not silent:
                instance = _checked(container, one.number, instance, health, work)
        starts = not silent and not instance.health and awaited(container, one.number, one.protocol)
        if starts:
            instance = replace(instance, health="starting")
        work.drafts.append(
            _Draft(instance, one.says.id, container.started, silent or starts, not silent)
        )
    work.warn(container.id, *mistakes(container, frozenset(checkable)))


def _checked(
    container: Container,
    number: int,
    instance: Instance,
    health: Mapping[tuple[str, int], str],
    work: _Work,
) -> Instance:
    """Return *instance* with the health that its container's label has found, if there is one."""
    try:
        check = asked(container, number)
        if check is None:
            return instance
        address = instance.address or next(iter(instance.local.values()))
        work.checks[container.id, number] = aimed(check, address, container.started)
    except ValueError as problem:
        work.warn(container.id, f"port {number} is not checked: {problem}")
        return instance
    found = health.get((container.id, number), "starting")
    return replace(instance, health=worse(instance.health, found))


def _why_not(one: Candidate, options: Options, has_address: bool) -> str:
    """Return why *one* is no service, ``""``: it is one."""
    if one.says.ignored:
        return f"port {one.number} is ignored, as SERVICE_IGNORE has it"
    if one.protocol not in PROTOCOLS:
        return f"port {one.number} is {one.protocol}, and links carry tcp and udp"
    if options.explicit and not one.says.names:
        return f"ARPANET_EXPLICIT is set, and port {one.number} has no SERVICE_NAME"
    if one.ip or (one.says.names and has_address):
        return ""
    return one.why if one.says.names else f"{one.why}: {ADVICE}"


def _odd(one: Candidate, why: str) -> Iterator[str]:
    """Yield what somebody who published or named *one* may not expect."""
    if one.says.ignored:
        return
    if one.protocol not in PROTOCOLS and (one.published or one.says.names):
        yield f"{why}: it is not registered"
    elif one.mistaken and why:
        yield f"{one.why}: other hosts cannot reach it, so it is not registered"
    elif one.mistaken:
        yield f"{one.why}: it is a service for clients on this host alone"
    elif one.says.names and why:
        yield f"{why}: it is not registered under {one.says.names[0]}"


def _instance(
    container: Container,
    one: Candidate,
    names: tuple[str, ...],
    local: Mapping[str, str],
    options: Options,
) -> Instance:
    suffix, by_protocol = (":udp", ("udp",)) if one.protocol == "udp" else ("", ())
    return Instance(
        id=f"{options.host}:{container.name}:{one.number}{suffix}",
        services=names,
        host=options.host,
        ip=one.ip,
        port=one.port,
        protocol=one.protocol,
        container=container.id,
        tags=tuple(dict.fromkeys((*one.says.tags, *options.tags, *by_protocol))),
        attrs=one.says.attrs,
        health=container.health,
        local=local,
        started=_seconds(container.started),
    )


def _names(container: Container, one: Candidate, group: bool, lowest: int) -> tuple[str, ...]:
    names = one.says.names or (default_name(container),)
    if one.says.for_port:
        return names
    suffixed = tuple(f"{name}-{one.number}" for name in names)
    if not group:
        return names + suffixed
    return suffixed + names if one.says.names and one.number == lowest else suffixed


def _local(container: Container, number: int) -> dict[str, str]:
    return {
        network: hostport.joined(address, number)
        for network, address in sorted(container.networks.items())
        if address
    }


def _seconds(started: str) -> float:
    """Return Docker's time stamp in seconds since the epoch, 0 where it is none."""
    try:
        return round(datetime.fromisoformat(started).timestamp(), 3)
    except ValueError:
        return 0.0
