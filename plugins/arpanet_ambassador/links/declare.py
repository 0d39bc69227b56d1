"""Containers -> declared links; pure.

Two forms, as ambassadord and connectable have them:

* ``BACKEND_<port>=<spec>`` in the environment (name in any case): the app dials the ambassador.
* the label ``connect.<port>=<spec>``: the app dials localhost; ``connect.<name>:<port>=<spec>``: it
  dials that name.

``BACKEND_<port>_UDP`` and ``connect.<port>/udp`` are the same by UDP. Beside them there are links
that were added to the running container: the app dials localhost.

Containers that share a network namespace share one table of links, kept under the namespace; but
those on the host's own network have one each, under their own ids.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from arpanet import Container
from arpanet_ambassador.links import waiting
from arpanet_ambassador.links.added import Added
from arpanet_ambassador.links.specs import Service, Spec, parse

__all__ = [
    "BACKEND",
    "CONNECT",
    "DEPTH",
    "HOST",
    "Declared",
    "Declaring",
    "Members",
    "declared",
    "holder",
    "inhabitants",
    "of",
    "owner",
    "place",
]

BACKEND, CONNECT = "backend", "connect"

_VARIABLE = re.compile(r"backend_([0-9]{1,20})(?:_(tcp|udp))?", re.IGNORECASE)
_LABEL = re.compile(
    r"connect\.(?:([A-Za-z0-9](?:[A-Za-z0-9_.-]{0,252})):)?([0-9]{1,20})(?:/(tcp|udp))?"
)
#: What somebody may have meant for a link: others may have labels that begin so, too.
_LIKE_A_LABEL = re.compile(r"connect\.(?:[0-9].*|.*[:/].*|.+[._-][0-9]+)", re.IGNORECASE)
#: How many containers may borrow a namespace from each other in a row, before it must be a circle.
DEPTH = 8
#: The network mode of a container in the host's own network namespace.
HOST = "host"
#: Containers of one namespace, each with the one whose namespace that is.
Members = tuple[tuple[Container, Container], ...]


@dataclass(frozen=True, slots=True)  # a host may have thousands
class Declared:
    """One declaration on one container.

    :ivar client: the container's name.
    :ivar namespace: its network namespace: what the kernel calls it, else the id of its owner; on
        the host's own network, its own id.
    :ivar form: :data:`BACKEND` or :data:`CONNECT`.
    :ivar text: the value, word for word; *spec* is what it means, ``None`` with an *error*.
    :ivar dials: what the app dials.
    :ivar name: the name that a :data:`CONNECT` link is dialled at, ``""``: localhost.
    :ivar added: what it was added as, ``None``: the container itself declares it.
    :ivar wait: seconds that a dial may wait for the first instance.
    """

    client: str
    namespace: str
    form: str
    port: int
    text: str
    dials: str
    protocol: str = "tcp"
    name: str = ""
    spec: Spec | None = None
    error: str = ""
    added: Added | None = None
    wait: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Declaring:
    """What declarations are read from.

    :ivar containers: every running container of this host, by id.
    :ivar ambassador: the name of the container that clients are linked to.
    :ivar masters: addresses and names of this arpanet's masters.
    :ivar root: the path below which its registry is kept; ``""``: it has none.
    :ivar namespaces: container id -> what the kernel calls its network namespace.
    :ivar added: container id -> the links that were added to it.
    :ivar wait: seconds that a dial of a container that does not say may wait.
    :ivar former: the container that clients are linked to, as it was when it last ran: while it is
        down, links go on.
    """

    containers: Mapping[str, Container]
    ambassador: str
    masters: frozenset[str] = frozenset()
    root: str = ""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, tuple[Added, ...]] = field(default_factory=dict)
    wait: float = 0.0
    former: Container | None = None


def declared(world: Declaring) -> list[Declared]:
    """Return every declaration of this host's containers, by client, port and form."""
    own = holder(world)
    every = (of(key, members, own, world) for key, members in inhabitants(world).items())
    return sorted((link for links in every for link in links), key=_order)


def holder(world: Declaring) -> Container | None:
    """Return the container that clients are linked to."""
    own = (one for one in world.containers.values() if one.name == world.ambassador)
    return next(own, world.former)


def inhabitants(world: Declaring) -> dict[str, Members]:
    """Return namespace -> who may declare links in it, each with its owner, by name."""
    found: dict[str, Members] = {}
    for container in sorted(world.containers.values(), key=lambda c: (c.name, c.id)):
        if container.name == world.ambassador:
            continue
        key, home = place(container, world)
        found[key] = (*found.get(key, ()), (container, home))
    return found


def place(container: Container, world: Declaring) -> tuple[str, Container]:
    """Return the namespace that *container* is in, and whose that is."""
    home = owner(container, world.containers)
    if home.network_mode == HOST:  # shared by all that are in it: clients of their own
        return container.id, home
    mine, theirs = (world.namespaces.get(one.id) for one in (container, home))
    if mine and theirs and mine != theirs:  # the other was started again, and has left its former
        return mine, container
    return mine or theirs or home.id, home


def of(
    namespace: str, members: Members, own: Container | None, world: Declaring
) -> tuple[Declared, ...]:
    """Return what is declared in one namespace; nothing else of *world*'s containers counts.

    :param members: as :func:`inhabitants` has them; *own*, as :func:`holder`.
    """
    links = [
        link
        for container, home in members
        for link in _of_one(container, home, namespace, own, world)
    ]
    return tuple(_without_conflicts(sorted(links, key=_order)))


def owner(container: Container, containers: Mapping[str, Container]) -> Container:
    """Return the container whose network namespace *container* joined, if that still runs.

    When it has stopped, its namespace lives on in those that joined it: then the answer is the one
    nearest to it.
    """
    for _ in range(DEPTH):
        kind, _, other = container.network_mode.partition(":")
        if kind != "container":
            break
        named = (c for c in containers.values() if c.name == other.lstrip("/"))
        found = containers.get(other) or next(named, None)
        if found is None:
            break
        container = found
    return container


def _order(link: Declared) -> tuple[str, int, str]:
    return link.client, link.port, link.form


def _of_one(
    container: Container, home: Container, namespace: str, own: Container | None, world: Declaring
) -> list[Declared]:
    written = [
        _judged(_parsed(one, world), home, own, world.ambassador)
        for one in (*_written(container, namespace), *_added(container, namespace, world))
    ]
    if not any(one.form == BACKEND for one in written):
        written += _linked_in_vain(container, namespace, world.ambassador)
    try:
        wait = waiting.seconds(container, world.wait)
    except ValueError as problem:
        text = container.labels[waiting.LABEL]
        odd = Declared(container.name, namespace, CONNECT, 0, text, waiting.LABEL)
        return [*written, _failed(odd, str(problem))]
    if waiting.LABEL not in container.labels:  # meant for all, it need not be possible for all
        return [replace(one, wait=wait) if one.protocol == "tcp" else one for one in written]
    return [replace(one, wait=wait) for one in written]


def _written(container: Container, namespace: str) -> Iterator[Declared]:
    """Yield what *container* declares."""
    for key in sorted(container.env):
        if match := _VARIABLE.fullmatch(key):
            port, protocol = int(match[1]), (match[2] or "tcp").lower()
            yield Declared(
                container.name, namespace, BACKEND, port, container.env[key], "", protocol
            )
    for key in sorted(container.labels.keys() - {waiting.LABEL}):
        text = container.labels[key]
        if match := _LABEL.fullmatch(key):
            name, port, protocol = match[1] or "", int(match[2]), match[3] or "tcp"
            if name and not _may_be_named(name.lower()):
                yield _failed(
                    Declared(container.name, namespace, CONNECT, 0, text, key),
                    f"the label {key}={text}: '{name}' is no host name that can be given to a "
                    f"service: write another, or connect.{port}={text} for localhost",
                )
                continue
            dials = f"{name or 'localhost'}:{port}"
            yield Declared(
                container.name, namespace, CONNECT, port, text, dials, protocol, name.lower()
            )
        elif _LIKE_A_LABEL.fullmatch(key) or (key.startswith("connect.") and text.isdigit()):
            yield _failed(
                Declared(container.name, namespace, CONNECT, 0, text, key),
                f"the label {key}={text} is no link: write connect.<port>=<service>, "
                "connect.<name>:<port>=<service>, or either with /udp after the port",
            )


def _may_be_named(name: str) -> bool:
    """Tell whether hosts files can give *name* an address: apps look up no other there.

    Source: RFC 1123, 2.1 (labels of at most 63, the last not a number, as that is an address), and
    RFC 6761, 6.3 (what localhost is, apps know by themselves).
    """
    labels = name.split(".")
    sizes = all(0 < len(label) < 64 for label in labels)
    return sizes and not labels[-1].isdigit() and labels[-1] != "localhost"


def _added(container: Container, namespace: str, world: Declaring) -> Iterator[Declared]:
    """Yield what was added to *container* while it ran."""
    for one in world.added.get(container.id, ()):
        dials = f"localhost:{one.port}"
        declared = Declared(container.name, namespace, CONNECT, one.port, one.text, dials)
        yield replace(declared, protocol=one.protocol, added=one)


def _linked_in_vain(container: Container, namespace: str, ambassador: str) -> list[Declared]:
    aliases = sorted({alias for name, alias in container.links if name == ambassador})
    return [
        _failed(
            Declared(container.name, namespace, BACKEND, 0, "", alias),
            f"linked to {ambassador}, but no variable says what for: add -e BACKEND_<port>={alias}",
        )
        for alias in aliases[:1]
    ]


def _parsed(link: Declared, world: Declaring) -> Declared:
    if link.error:
        return link
    if not 0 < link.port < 65536:
        return _failed(link, f"{link.port} is no port: it must be a number from 1 to 65535")
    try:
        return replace(link, spec=parse(link.text, world.masters, world.root))
    except ValueError as problem:
        return _failed(link, str(problem))


def _judged(link: Declared, home: Container, own: Container | None, ambassador: str) -> Declared:
    """Return *link* with what its container's network makes of it."""
    shared = home.networks.keys() & (own.networks if own else {"bridge": ""}).keys()
    if link.form == BACKEND:
        link = replace(link, dials=f"{_host(link, home, own, ambassador)}:{link.port}")
    if link.protocol == "udp" and link.port:
        link = replace(link, dials=f"{link.dials}/udp")
    if link.error:
        return link
    if home.network_mode == "none":
        return _failed(link, "a container without a network cannot have links")
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
    """Refuse all of several declarations of one port: only their author knows which is meant.

    But what was added to a container gives way to what containers declare themselves.
    """
    declares: dict[tuple[object, ...], Declared] = {}
    texts: dict[tuple[object, ...], set[str]] = {}
    for link in sorted(links, key=lambda link: link.added is not None):
        first = declares.setdefault(_dialled(link), link)
        if not link.added or first.added:
            texts.setdefault(_dialled(link), set()).add(link.text)
    settled = []
    for link in links:
        first, rivals = declares[_dialled(link)], texts[_dialled(link)]
        if link.added and not first.added and not link.error:
            link = _failed(
                link,
                f"container {first.client} itself declares port {link.port}, as '{first.text}'",
            )
        if len(rivals) > 1 and not link.error:
            every = " and ".join(repr(one) for one in sorted(rivals))
            link = _failed(link, f"port {link.port} is declared as {every}: keep one")
        settled.append(link)
    return settled


def _dialled(link: Declared) -> tuple[object, ...]:
    return link.namespace, link.form, link.name, link.port, link.protocol


def _failed(link: Declared, error: str) -> Declared:
    return replace(link, spec=None, error=error)
