"""Declared links + the registry's snapshot -> where new connections go now; pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from arpanet import Instance, Target, hostport
from arpanet_ambassador.links.addresses import dialable, is_address
from arpanet_ambassador.links.specs import Endpoints, Foreign, Service, Spec, Srv

__all__ = [
    "Answer",
    "Answers",
    "Question",
    "View",
    "endpoint",
    "lookups",
    "published",
    "resolve",
    "unconfirmed",
    "watched",
]

#: What others must be asked: DNS for the addresses of (name, port), where (name, 0) is an SRV name;
#: plugins for what only they know.
Question = tuple[str, int] | Foreign
#: Addresses with ports; a string is why there are none.
Answer = tuple[tuple[str, int], ...] | str
Answers = Mapping[Question, Answer]

#: A lower rank is dialled as long as there is one; Docker's health words, "" without a check.
_RANK = {"": 0, "healthy": 0, "starting": 1, "unhealthy": 2}


@dataclass(frozen=True)
class View:
    """What one client sees.

    :ivar services: service name -> its instances, in the whole cluster.
    :ivar host: the name of this host.
    :ivar networks: names of the Docker networks that the client is in.
    :ivar answers: what DNS and plugins said.
    :ivar routed: whether anything outside of these networks can be dialled from there.
    :ivar protocol: ``tcp`` or ``udp``: what is to be carried.
    :ivar silent: addresses of instances by that protocol that did not answer when they were
        dialled.
    """

    services: Mapping[str, tuple[Instance, ...]]
    host: str
    networks: frozenset[str] = frozenset()
    routed: bool = True
    answers: Answers = field(default_factory=dict)
    protocol: str = "tcp"
    silent: Collection[tuple[str, int]] = ()


def resolve(spec: Spec, view: View) -> tuple[Target, ...]:
    """Return the targets of *spec*, sorted, each address once.

    :raises ValueError: there are none; one sentence says why.
    """
    if isinstance(spec, Service):
        return _of_service(spec, view)
    if isinstance(spec, Foreign):
        return _of_plugin(spec, view.answers)
    names = ((spec.name, 0),) if isinstance(spec, Srv) else spec.hosts
    return _of_names(names, view.answers)


def lookups(spec: Spec) -> set[Question]:
    """Return what must be asked to resolve *spec*, as keys of :data:`Answers`."""
    if isinstance(spec, Foreign):
        return {spec}
    if isinstance(spec, Srv):
        return {(spec.name, 0)}
    return (
        {one for one in spec.hosts if not is_address(one[0])}
        if isinstance(spec, Endpoints)
        else set()
    )


def _of_service(spec: Service, view: View) -> tuple[Target, ...]:
    every = view.services.get(spec.name, ())
    fitting = _fitting(spec, view)
    if not fitting:
        raise ValueError(_why_none(spec, every, view.protocol))
    reachable = {i.id: target for i in fitting if (target := _seen_from(i, view))}
    if not reachable:
        raise ValueError(_why_unreachable(spec, view))
    answering = {
        key: target
        for key, target in reachable.items()
        if (target.ip, target.port) not in view.silent
    }
    reachable = answering or reachable  # when nothing answers, all stay: a dial may work after all
    ranks = {i.id: _RANK.get(i.health, 0) for i in fitting if i.id in reachable}
    best = min(ranks.values())
    chosen = sorted(reachable[one] for one, rank in ranks.items() if rank == best)
    return tuple({(t.ip, t.port): t for t in chosen}.values())


def _fitting(spec: Service, view: View) -> list[Instance]:
    every = view.services.get(spec.name, ())
    return [
        i for i in every if i.protocol == view.protocol and not i.stopping and _has(i, spec.wanted)
    ]


def unconfirmed(spec: Spec, view: View) -> frozenset[tuple[str, int]]:
    """Return the addresses by which *view* dials what the registry lost, and nobody withdrew."""
    return _dialled(spec, view, lambda one: one.unconfirmed)


def watched(spec: Spec, view: View) -> frozenset[tuple[str, int]]:
    """Return the addresses by which *view* dials what the registry has.

    Those on its own host, too: Docker tells that a container ended, and not that its server did.
    """
    return _dialled(spec, view, lambda one: not one.unconfirmed)


def _dialled(
    spec: Spec, view: View, which: Callable[[Instance], bool]
) -> frozenset[tuple[str, int]]:
    if not isinstance(spec, Service):
        return frozenset()
    seen = (_seen_from(i, view) for i in _fitting(spec, view) if which(i))
    return frozenset((target.ip, target.port) for target in seen if target)


def _has(instance: Instance, wanted: tuple[tuple[str, str], ...]) -> bool:
    return all(
        value in instance.tags if key == "tag" else instance.attrs.get(key) == value
        for key, value in wanted
    )


def _why_none(spec: Service, every: tuple[Instance, ...], protocol: str) -> str:
    if not every:
        return f"service {spec.name} has no instance"
    if all(i.protocol != protocol for i in every):
        other = "declare its port with /udp or _UDP" if protocol == "tcp" else "leave out the udp"
        return f"service {spec.name} has no {protocol} instance: {other}"
    if all(i.stopping for i in every if i.protocol == protocol):
        return f"service {spec.name} has no instance but what is stopping"
    query = "&".join(f"{key}={value}" for key, value in spec.wanted)
    return f"service {spec.name} has no instance with {query}"


def _why_unreachable(spec: Service, view: View) -> str:
    if view.routed:
        return f"no instance of {spec.name} publishes its port or shares a network with this client"
    return f"this client's networks are internal, and no instance of {spec.name} here is in one"


def _seen_from(instance: Instance, view: View) -> Target | None:
    """Return where the client dials *instance*: past docker-proxy where they share a network."""
    ways = []
    if instance.host == view.host:
        shared = sorted(view.networks & instance.local.keys())
        ways = [endpoint(instance.local[network]) for network in shared]
    ways.append(published(instance) if view.routed else None)
    known = [way for way in ways if way]
    # an IPv4 address, if there is one: every plane carries it, from every socket
    best = next((way for way in known if ":" not in way[0]), next(iter(known), None))
    return Target(*best, instance.id) if best else None


def published(instance: Instance) -> tuple[str, int] | None:
    """Return where other hosts dial *instance*, ``None`` when they can't: as :func:`endpoint`.

    What is kept for this is one text for each host, and not one for each instance.
    """
    ip = _dialled_ip(instance.ip) if instance.ip else ""
    return (ip, instance.port) if ip and 0 < instance.port < 65536 else None


@lru_cache(maxsize=1 << 13)
def _dialled_ip(ip: str) -> str:
    found = endpoint(hostport.joined(ip, 1))
    return found[0] if found else ""


@lru_cache(maxsize=1 << 13)  # every change asks for every instance of this host again
def endpoint(address: str) -> tuple[str, int] | None:
    """Return (ip, port) of an ``ip:port`` from the registry, ``None`` when it can't be dialled.

    Anybody may write to the registry, and what comes from here ends up in rules.
    """
    try:
        host, port = hostport.split(address)
        return (dialable(host), port) if port else None
    except ValueError:
        return None


def _of_names(hosts: tuple[tuple[str, int], ...], answers: Answers) -> tuple[Target, ...]:
    """Return the addresses of *hosts*; one that cannot be found stands back for the others."""
    found: set[Target] = set()
    trouble = []
    for host, port in hosts:
        if is_address(host):
            found.add(Target(host, port))
            continue
        answer = answers.get((host, port), f"DNS has not answered for {host} yet")
        if isinstance(answer, str):
            trouble.append(answer)
            continue
        for ip, of_host in answer:
            try:
                found.add(Target(dialable(ip), of_host))
            except ValueError as problem:
                trouble.append(f"DNS says of {host}: {problem}")
    if not found:
        raise ValueError("; ".join(trouble))
    return tuple(sorted(found))


def _of_plugin(spec: Foreign, answers: Answers) -> tuple[Target, ...]:
    """Return what a plugin answered for *spec*, checked as what comes from the registry is."""
    answer = answers.get(spec, f"no plugin has answered for {spec.text} yet")
    if isinstance(answer, str):
        raise ValueError(answer)
    if not answer:
        raise ValueError(f"{spec.text} has no instance")
    found = {Target(*one) for pair in answer if (one := endpoint(hostport.joined(*pair)))}
    if not found:
        raise ValueError(f"{spec.text} has no instance at an address that can be dialled")
    return tuple(sorted(found))
