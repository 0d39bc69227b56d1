"""Containers -> declared links; pure.

Two forms, as ambassadord and connectable have them:

* ``BACKEND_<port>=<spec>`` in the environment (name in any case): the app dials the ambassador.
* the label ``connect.<port>=<spec>``: the app dials localhost.

Containers that share a network namespace (``--network container:<id>``) share one table of links,
kept under the id of the container that owns the namespace.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from arpanet import Container
from arpanet_ambassador.links.specs import Service, Spec, parse

__all__ = ["BACKEND", "CONNECT", "Declared", "declared", "owner"]

BACKEND, CONNECT = "backend", "connect"

_VARIABLE = re.compile(r"backend_([0-9]{1,20})", re.IGNORECASE)
_LABEL = re.compile(r"connect\.([0-9]{1,20})")
#: How many containers may borrow a namespace from each other in a row, before it must be a circle.
_DEPTH = 8
_NO_NAMESPACE = {
    "host": "a container on the host's own network cannot have links: give it a network of its own",
    "none": "a container without a network cannot have links",
}


@dataclass(frozen=True)
class Declared:
    """One declaration on one container.

    :ivar client: the container's name.
    :ivar namespace: id of the container that owns the network namespace.
    :ivar form: :data:`BACKEND` or :data:`CONNECT`.
    :ivar text: the value, word for word; *spec* is what it means, ``None`` with an *error*.
    :ivar dials: what the app dials.
    """

    client: str
    namespace: str
    form: str
    port: int
    text: str
    dials: str
    spec: Spec | None = None
    error: str = ""


def declared(
    containers: Mapping[str, Container], ambassador: str, masters: Collection[str] = ()
) -> list[Declared]:
    """Return every declaration of *containers* (by id), by client, port and form.

    :param ambassador: the name of the ambassador's container.
    :param masters: addresses and names of this arpanet's masters.
    """
    own = next((c for c in containers.values() if c.name == ambassador), None)
    found = []
    for container in sorted(containers.values(), key=lambda c: (c.name, c.id)):
        if container.name != ambassador:
            home = owner(container, containers)
            written = _written(container, home, masters)
            found += [_judged(one, home, own, ambassador) for one in written]
    found.sort(key=lambda link: (link.client, link.port, link.form))
    return _without_conflicts(found)


def owner(container: Container, containers: Mapping[str, Container]) -> Container:
    """Return the container whose network namespace *container* lives in, if that still runs.

    When the owner has stopped, its namespace lives on in those that joined it: then the answer is
    the one nearest to it.
    """
    for _ in range(_DEPTH):
        kind, _, other = container.network_mode.partition(":")
        if kind != "container":
            break
        named = (c for c in containers.values() if c.name == other.lstrip("/"))
        found = containers.get(other) or next(named, None)
        if found is None:
            break
        container = found
    return container


def _written(container: Container, home: Container, masters: Collection[str]) -> Iterator[Declared]:
    """Yield what *container* declares, judged by its port and value alone."""
    forms = ((BACKEND, _VARIABLE, container.env), (CONNECT, _LABEL, container.labels))
    for form, pattern, values in forms:
        for name in sorted(values):
            if match := pattern.fullmatch(name):
                port = int(match[1])
                link = Declared(
                    container.name, home.id, form, port, values[name], f"localhost:{port}"
                )
                yield _parsed(link, masters)


def _parsed(link: Declared, masters: Collection[str]) -> Declared:
    port = link.port
    if not 0 < port < 65536:
        return replace(link, error=f"{port} is no port: it must be a number from 1 to 65535")
    try:
        return replace(link, spec=parse(link.text, masters))
    except ValueError as problem:
        return replace(link, error=str(problem))


def _judged(link: Declared, home: Container, own: Container | None, ambassador: str) -> Declared:
    """Return *link* with what its container's network makes of it."""
    shared = home.networks.keys() & (own.networks if own else {"bridge": ""}).keys()
    if link.form == BACKEND:
        link = replace(link, dials=f"{_host(link, home, own, ambassador)}:{link.port}")
    if link.error:
        return link
    if home.network_mode in _NO_NAMESPACE:
        return _failed(link, _NO_NAMESPACE[home.network_mode])
    if link.form == BACKEND and not shared:
        return _failed(
            link,
            f"no network of {home.name} has {ambassador} in it: use the label "
            f"connect.{link.port}={link.text} instead, and dial localhost:{link.port}",
        )
    return link


def _host(link: Declared, home: Container, own: Container | None, ambassador: str) -> str:
    """Return what the app calls the ambassador."""
    aliases = sorted({alias for name, alias in home.links if name == ambassador})
    named = link.spec.name if isinstance(link.spec, Service) else ""
    if aliases:
        return named if named in aliases else aliases[0]
    if own and home.networks.keys() & own.networks.keys() == {"bridge"}:
        return own.networks["bridge"]  # Docker has no names on its default bridge
    return ambassador


def _without_conflicts(links: list[Declared]) -> list[Declared]:
    """Refuse all of several declarations of one port: only their author knows which is meant."""
    texts: dict[tuple[str, str, int], set[str]] = {}
    for link in links:
        texts.setdefault((link.namespace, link.form, link.port), set()).add(link.text)
    settled = []
    for link in links:
        rivals = texts[link.namespace, link.form, link.port]
        if len(rivals) > 1 and not link.error:
            every = " and ".join(repr(one) for one in sorted(rivals))
            link = _failed(link, f"port {link.port} is declared as {every}: keep one")
        settled.append(link)
    return settled


def _failed(link: Declared, error: str) -> Declared:
    return replace(link, spec=None, error=error)
