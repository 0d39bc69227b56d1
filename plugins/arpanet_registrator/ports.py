"""Which ports of a container could be services, and where each can be dialled. Pure.

An instance is advertised where other hosts reach it, or not at all: a port bound to loopback is
local by intention, and an address such as docker0's is a different machine on every host. What only
this host reaches is a service for its own clients, where the container asks for one by name.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace

from arpanet import Container, Port
from arpanet_registrator.naming import Declared, declared, named_ports
from arpanet_registrator.settings import Options

__all__ = ["Candidate", "candidates", "seen"]

Key = tuple[int, str]


@dataclass(frozen=True)
class Candidate:
    """A port that could be a service.

    :ivar number: the port inside the container.
    :ivar ip: where other hosts dial it, ``""``: they cannot.
    :ivar port: what other hosts dial; *number* where they cannot.
    :ivar published: somewhere, be it on loopback; on the host's network: exposed.
    :ivar why: why other hosts cannot.
    :ivar mistaken: somebody meant it to be reached from elsewhere.
    """

    number: int
    protocol: str
    says: Declared
    ip: str
    port: int
    published: bool
    why: str = ""
    mistaken: bool = False


def seen(container: Container, running: Mapping[str, Container]) -> Container:
    """Return *container* with the network it uses: another's, with ``--network container:X``.

    Such a container has nothing but its EXPOSE of its own; its ports are published where X
    publishes them, and its addresses are X's. Without X it has none.
    """
    owner, passed = container, {container.id}
    while owner.network_mode.startswith("container:"):
        other = running.get(owner.network_mode.partition(":")[2])
        if other is None or other.id in passed:
            return container
        passed.add(other.id)
        owner = other
    if owner is container:
        return container
    exposed = {(p.number, p.protocol) for p in container.ports}
    own = exposed | {(number, "tcp") for number in named_ports(container)}
    published = [p for p in owner.ports if (p.number, p.protocol) in own and p.host_port]
    bare = exposed if owner.network_mode == "host" else own
    bare = bare - {(p.number, p.protocol) for p in published}
    return replace(
        container,
        ports=(*published, *(Port(*key) for key in sorted(bare))),
        networks=owner.networks,
        network_mode=owner.network_mode,
    )


def candidates(container: Container, options: Options) -> list[Candidate]:
    """Return the ports of *container* that could be services, in order.

    All that it publishes; where it publishes nothing, all that it exposes; and what it names by
    number. On the host's network, and with ARPANET_INTERNAL, what it exposes counts as published.
    """
    bound: dict[Key, list[Port]] = {}
    for port in _published(container, options):
        bound.setdefault((port.number, port.protocol), []).append(port)
    exposed = {(port.number, port.protocol) for port in container.ports} - bound.keys()
    if bound:  # what else an image exposes is nobody's wish
        exposed = {key for key in exposed if declared(container, key[0]).for_port}
    return [
        _candidate(container, number, protocol, bound.get((number, protocol), []), options)
        for number, protocol in sorted(bound.keys() | exposed)
    ]


def _published(container: Container, options: Options) -> list[Port]:
    if container.network_mode == "host":
        exposed = {(port.number, port.protocol) for port in container.ports}
        # an image need not EXPOSE what its container is told to name
        unexposed = named_ports(container) - {number for number, _ in exposed}
        every = exposed | {(number, "tcp") for number in unexposed}
        return [Port(n, protocol, host_port=n) for n, protocol in sorted(every)]
    if options.internal:
        return [replace(p, host_ip="", host_port=p.number) for p in container.ports]
    return [port for port in container.ports if port.host_port]


def _candidate(
    container: Container, number: int, protocol: str, bound: list[Port], options: Options
) -> Candidate:
    says = declared(container, number)
    ip, warnings = _address(container, options)
    says = replace(says, warnings=(*says.warnings, *warnings))
    published = bool(bound)
    if container.network_mode == "host":  # where all is reached, a name makes no port a sibling
        published = any((number, protocol) == (p.number, p.protocol) for p in container.ports)
    port = next((p.host_port for p in bound if ip and _answers(p.host_ip, ip)), None)
    if port:
        return Candidate(number, protocol, says, ip, port, published)
    elsewhere = sorted({p.host_ip for p in bound if not _loopback(p.host_ip)})
    if not bound:
        why = f"port {number} is not published"
    elif not ip:
        why = f"port {number} is at no address: the container is in no network"
    elif elsewhere:
        why = f"port {number} is published on {', '.join(elsewhere)} and not on ARPANET_IP {ip}"
    else:
        why = f"port {number} is published on loopback only"
    return Candidate(number, protocol, says, "", number, published, why, bool(elsewhere and ip))


def _address(container: Container, options: Options) -> tuple[str, tuple[str, ...]]:
    """Return where other hosts dial *container*, and what is wrong with what it says of that."""
    ip = options.ip
    if options.internal and container.network_mode != "host":
        # that of the network it was started in, where it was connected to others later
        own = container.networks.get(container.network_mode)
        ip = own or next(filter(None, container.networks.values()), "")
    label = container.labels.get(options.ip_label, "") if options.ip_label else ""
    if not label:
        return ip, ()
    try:
        return str(ipaddress.ip_address(label.rpartition("/")[0] or label)), ()
    except ValueError:
        return ip, (f"label {options.ip_label}={label} is no address, it is registered at {ip}",)


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
