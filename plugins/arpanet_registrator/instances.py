"""Containers -> instances: which ports are services, under which names and at which address.

registrator's rules (``bridge/bridge.go`` at its last commit), and where arpanet differs, why:

* An instance is advertised at ``ARPANET_IP`` or not at all. A port bound to another address is
  dialled there by nobody: loopback is local by intention, and an address such as docker0's is a
  different machine on every host. registrator advertises it at an address where nothing answers.
* A container with several ports names them ``name-port``, with one port plain ``name``: adding or
  dropping a port renames a service. So the other form is always there as an alias; the bare name of
  several ports leads to the lowest. 53/tcp and 53/udp are one port with two protocols.
* On the host's network an exposed port is a service only while somebody listens on it, or when
  ``SERVICE_<port>_NAME`` says so.
* An id given twice is refused the second time, since one entry would overwrite the other.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from arpanet import PART_LABEL, Container, Instance, Port
from arpanet_registrator.naming import Declared, declared, default_name, named_ports

__all__ = ["Listening", "Result", "of_host"]

#: (port, protocol) -> whether somebody listens there on the host's network.
Listening = Callable[[int, str], bool]


@dataclass(frozen=True)
class Result:
    """What a host's containers come to.

    :ivar instances: by id.
    :ivar warnings: container id -> what is odd about its declarations.
    :ivar silent: what becomes an instance as soon as somebody listens there: its default id and
        its container's start.
    """

    instances: Mapping[str, Instance] = field(default_factory=dict)
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class _Draft:
    """An instance under its default id, the id that is asked for, and whether it counts yet."""

    instance: Instance
    wanted: str
    started: str
    silent: bool


@dataclass(frozen=True)
class _Candidate:
    """A port that could be a service; *port* is ``None`` when other hosts cannot reach it."""

    number: int
    protocol: str
    says: Declared
    port: int | None


def of_host(
    containers: Iterable[Container],
    host: str,
    ip: str,
    listening: Listening,
    foreign: frozenset[str] = frozenset(),
) -> Result:
    """Return the instances that the running *containers* of *host* make.

    :param ip: the host's ARPANET_IP.
    :param foreign: ids that other hosts hold, so that none is taken from them.
    """
    # the oldest first: a newcomer does not take the id of one that is registered
    ordered = sorted(containers, key=lambda one: (one.started, one.name))
    warnings: dict[str, list[str]] = {}
    drafts: list[_Draft] = []
    for container in ordered:
        drafts += _of_container(
            container, host, ip, listening, warnings.setdefault(container.id, [])
        )
    taken = {draft.instance.id for draft in drafts}
    found: dict[str, Instance] = {}
    for draft in drafts:
        one, wanted = draft.instance, draft.wanted
        if wanted and wanted != one.id:
            if wanted in taken or wanted in foreign:
                warnings[one.container].append(
                    f"SERVICE_ID={wanted} is in use, {one.id} stands in: give each port its own"
                )
            else:
                one = replace(one, id=wanted)
                taken.add(wanted)
        if not draft.silent:
            found[one.id] = one
    return Result(
        found,
        {key: tuple(dict.fromkeys(said)) for key, said in warnings.items() if said},
        frozenset((draft.instance.id, draft.started) for draft in drafts if draft.silent),
    )


def _of_container(
    container: Container, host: str, ip: str, listening: Listening, warnings: list[str]
) -> list[_Draft]:
    candidates = list(_candidates(container, ip, warnings))
    # counted before anything is ignored: ignoring one port must not rename another
    group = len({one.number for one in candidates}) > 1
    kept = [one for one in candidates if not one.says.ignored]
    plain = [c.number for c in kept if not c.says.for_port and c.port]
    lowest = min(plain, default=0)
    on_host = container.network_mode == "host"
    drafts = []
    for one in kept:
        if not one.port:
            continue
        if PART_LABEL in container.labels and not one.says.names:
            continue  # arpanet's own containers are services only where they name themselves
        instance = Instance(
            id=f"{host}:{container.name}:{one.number}" + (":udp" if one.protocol == "udp" else ""),
            services=_names(container, one, group, lowest),
            host=host,
            ip=ip,
            port=one.port,
            protocol=one.protocol,
            container=container.id,
            tags=_tags(one),
            attrs=one.says.attrs,
            health=container.health,
            local={} if on_host else _local(container, one.number),
        )
        silent = on_host and not one.says.for_port and not listening(one.number, one.protocol)
        drafts.append(_Draft(instance, one.says.id, container.started, silent))
    return drafts


def _candidates(container: Container, ip: str, warnings: list[str]) -> Iterable[_Candidate]:
    bindings = _on_host(container) if container.network_mode == "host" else _published(container)
    for (number, protocol), ports in sorted(bindings.items()):
        says = declared(container, number)
        warnings += says.warnings
        port = next((p.host_port for p in ports if _answers(p.host_ip, ip)), None)
        elsewhere = sorted({p.host_ip for p in ports if not _loopback(p.host_ip)})
        if port is None and elsewhere and not says.ignored:
            warnings.append(
                f"port {number} is published on {', '.join(elsewhere)} and not on ARPANET_IP {ip}:"
                " other hosts cannot reach it, so it is not registered"
            )
        yield _Candidate(number, protocol, says, port)


def _published(container: Container) -> dict[tuple[int, str], list[Port]]:
    found: dict[tuple[int, str], list[Port]] = {}
    for port in container.ports:
        if port.host_port:
            found.setdefault((port.number, port.protocol), []).append(port)
    return found


def _on_host(container: Container) -> dict[tuple[int, str], list[Port]]:
    exposed = {(port.number, port.protocol) for port in container.ports}
    # an image need not EXPOSE what its container is told to name
    unexposed = named_ports(container) - {number for number, _ in exposed}
    every = exposed | {(number, "tcp") for number in unexposed}
    return {(n, protocol): [Port(n, protocol, host_port=n)] for n, protocol in every}


def _names(container: Container, one: _Candidate, group: bool, lowest: int) -> tuple[str, ...]:
    names = one.says.names or (default_name(container),)
    if one.says.for_port:
        return names
    suffixed = tuple(f"{name}-{one.number}" for name in names)
    if not group:
        return names + suffixed
    return suffixed + names if one.number == lowest else suffixed


def _tags(one: _Candidate) -> tuple[str, ...]:
    tags = one.says.tags
    return (*tags, "udp") if one.protocol == "udp" and "udp" not in tags else tags


def _local(container: Container, number: int) -> dict[str, str]:
    return {
        network: f"[{address}]:{number}" if ":" in address else f"{address}:{number}"
        for network, address in sorted(container.networks.items())
        if address
    }


def _answers(bound: str, ip: str) -> bool:
    """Whether a port bound to *bound* can be dialled at *ip*.

    Docker's ``0.0.0.0`` comes with a ``::`` that the record leaves out; ``::`` alone is IPv6 only.
    """
    if bound in ("", "0.0.0.0"):
        return True
    address, mine = ipaddress.ip_address(bound), ipaddress.ip_address(ip)
    return address == mine or (address.is_unspecified and mine.version == 6)


def _loopback(bound: str) -> bool:
    return bool(bound) and ipaddress.ip_address(bound).is_loopback
