"""What a declared value may be: the text after ``BACKEND_6379=`` or ``connect.6379=``, parsed.

The forms are ambassadord's (fixed list, address in a registry, DNS), read as its README promises,
and arpanet's own: a bare service name, and a selector after ``?``. A value of another kind
(``consul:redis``) is for a plugin to know.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, urlsplit

from arpanet import Host, Settings, hostport
from arpanet_ambassador.links.addresses import dialable

__all__ = ["Endpoints", "Foreign", "Service", "Spec", "Srv", "masters", "parse", "root"]

_SERVICE = re.compile(r"\w[\w.+@~-]*")
_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9_-]+)*\.?"
)
_SRV = re.compile(r"_[A-Za-z0-9-]+\._tcp(?:\.[A-Za-z0-9_-]+)+\.?", re.IGNORECASE)
#: A kind and what is meant by it; not an address, or a host and a port, however badly written.
_FOREIGN = re.compile(r"([A-Za-z][A-Za-z0-9+-]*):(?!:|[0-9]+(?:[,?]|$))\S+")
#: Directories of services: arpanet's own, and the one that the first arpanet wrote to.
_DIRECTORIES = ("services", "network")


@dataclass(frozen=True)
class Service:
    """Instances of a service in the registry.

    :ivar wanted: (key, value) pairs that an instance must have: ``tag``, or one of its attributes.
    """

    name: str
    wanted: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Endpoints:
    """A fixed list of (host, port): each host an IP address in its shortest form, or a DNS name."""

    hosts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Srv:
    """A DNS name whose SRV records say where to go (RFC 2782)."""

    name: str


@dataclass(frozen=True)
class Foreign:
    """What only a plugin knows: the *kind*, and the whole *text* that begins with it."""

    kind: str
    text: str


Spec = Service | Endpoints | Srv | Foreign


def masters(given: Iterable[str], hosts: Iterable[Host]) -> frozenset[str]:
    """Return what this arpanet's masters may be called: by ARPANET_MASTERS, and by the registry."""
    named = {urlsplit(f"//{one}").hostname for one in given}
    for host in hosts:
        if "master" in host.roles:
            named |= {host.name.lower(), host.address}
    return frozenset(one for one in named if one)


def root(settings: Settings) -> str:
    """Return the path below which this arpanet's registry is kept; ``""``: it has none.

    The setting is the etcd plugin's: another's registry may have no paths.
    """
    return next((settings[one] for one in settings if one.name == "ETCD_PATH"), "")


@lru_cache(maxsize=1 << 12)  # every change asks for every declaration again
@lru_cache(1 << 10)  # a thousand clients ask for a few services
def parse(text: str, masters: frozenset[str] = frozenset(), root: str = "") -> Spec:
    """Return what *text* asks for.

    :param masters: addresses and names of this arpanet's masters: the only registry that there is.
    :param root: the path below which that registry is kept; ``""``: it has none.
    :raises ValueError: with one sentence for the person who wrote it.
    """
    text = text.strip()
    if not text:
        raise ValueError("the value is empty: name a service")
    if (foreign := _FOREIGN.fullmatch(text)) and foreign[1] != "etcd":
        return Foreign(foreign[1], text)
    if "," in text:
        return Endpoints(tuple(_endpoint(one.strip()) for one in text.split(",")))
    place, _, query = text.partition("?")
    if "://" in place:
        return _by_path(_url_path(place, masters), query, root)
    if place.startswith("/"):
        return _by_path(place, query, root)
    if ":" in place:
        if query:
            raise ValueError(f"'{text}': only a service can have a selector")
        return Endpoints((_endpoint(place),))
    if _SRV.fullmatch(place):
        return Srv(place.rstrip("."))
    return _service(place, query)


def _url_path(url: str, masters: Collection[str]) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise ValueError(f"'{url}' is not a URL: {problem}") from None
    if parts.scheme != "etcd":
        raise ValueError(f"'{url}' is not a URL: write etcd://, for a path in this registry")
    if parts.hostname not in masters:
        raise ValueError(_not_ours(parts, masters))
    return parts.path


def _not_ours(parts: SplitResult, masters: Collection[str]) -> str:
    name = parts.path.rstrip("/").rpartition("/")[2] or "<service>"
    ours = ", ".join(sorted(masters)) or "none is known"
    return (
        f"etcd at '{parts.hostname or ''}' is no master of this arpanet ({ours}), and others are "
        f"not asked: for this arpanet's service write '{name}'"
    )


def _by_path(path: str, query: str, root: str) -> Service:
    parts = path.rstrip("/").split("/")
    if len(parts) < 3 or parts[-2] not in _DIRECTORIES:
        raise ValueError(f"the path '{path}' is not supported: it must end in /services/<name>")
    if root and "/".join(parts[:-2]) != root:
        raise ValueError(
            f"the path '{path}' is not this arpanet's, whose services are below {root}/services: "
            f"for its service write '{parts[-1]}'"
        )
    return _service(parts[-1], query)


def _service(name: str, query: str) -> Service:
    if not _SERVICE.fullmatch(name):
        raise ValueError(f"'{name}' is neither a service name nor an address with a port")
    try:
        wanted = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise ValueError(
            f"the selector '?{query}' must read ?tag=<tag> or ?<attribute>=<value>"
        ) from None
    return Service(name, tuple(wanted))


def _endpoint(text: str) -> tuple[str, int]:
    try:
        host, port = hostport.split(text)
    except ValueError:
        port = None
    if port is None:
        raise ValueError(f"'{text}' must be an address with a port, as 10.0.0.5:6379")
    return _host(host, version=6 if text.startswith("[") else 4), port


def _host(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        # all digits and dots: a mistyped address, which a resolver would take a long time to refuse
        if version == 6 or re.fullmatch(r"[0-9.]+", text) or not _NAME.fullmatch(text):
            raise ValueError(f"'{text}' is neither an IP address nor a host name") from None
        return text.rstrip(".").lower()
    if address.version != version:
        raise ValueError(f"'{text}' is not an address that can be dialled")
    return dialable(text)
