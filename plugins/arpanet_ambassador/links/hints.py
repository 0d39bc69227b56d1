"""What is to be said of a link that its author may not expect; pure.

Why its service may have no instance: something of that name runs here, unpublished. And why the
name that its app may dial does not lead to it.
"""

from collections.abc import Iterable, Mapping

from arpanet import Container, Instance
from arpanet_ambassador.links.declare import CONNECT, Declared
from arpanet_ambassador.links.specs import Service

__all__ = ["Unpublished", "hint", "unnamed", "unpublished"]

#: Name -> (container, what is to be said of it) of those that may be meant by it.
Unpublished = Mapping[str, list[tuple[str, str]]]


def hint(link: Declared, services: Mapping[str, tuple[Instance, ...]], found: Unpublished) -> str:
    """Return what is to be said of *link*, whose service has no instance; ``""``: nothing.

    A thousand links may ask at one moment, when the last instance goes.
    """
    name = getattr(link.spec, "name", "")
    if name in services:
        return ""
    others = (words for container, words in found.get(name, ()) if container != link.client)
    return next(others, "")


def unpublished(containers: Iterable[Container]) -> Unpublished:
    """Return what runs here and is no service for other hosts, by the names that it may go by."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in containers:
        bound = [port.host_ip for port in one.ports if port.host_port]
        if not bound:
            words = f"; container {one.name} runs here and publishes no port: run it with -p"
        elif all(address.startswith("127.") for address in bound):
            words = f"; container {one.name} publishes its port on loopback only"
        else:
            continue
        image = one.image.rpartition("/")[2].partition(":")[0]
        for name in {one.name, image, one.env.get("SERVICE_NAME", "")}:
            found.setdefault(name, []).append((one.name, words))
    return found


def unnamed(link: Declared, left: Mapping[str, str]) -> str:
    """Return what is to be said of *link*, whose name its client does not have from here.

    :param left: name -> why its client's hosts file was left alone there, and what helps.
    """
    if link.form != CONNECT or link.added:
        return ""
    named = link.name or (link.spec.name.lower() if isinstance(link.spec, Service) else "")
    if named not in left:
        return ""
    localhost = "" if link.name else f", or dial localhost:{link.port}"
    return f"{named}:{link.port} is not this link: {left[named]}{localhost}"
