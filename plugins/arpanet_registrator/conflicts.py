"""One name, two meanings: instances of a service that lead to different ports of their containers.

That is as it may be where each container has one port: a service is what it is called. But a name
shared by several ports leads to one of them only, and what that is differs between containers that
publish different ones: HTTP of the one and TLS of the other under one name.
"""

from collections.abc import Iterator, Mapping

from arpanet import Instance

__all__ = ["mixed"]


def mixed(instances: Mapping[str, Instance]) -> Iterator[tuple[str, str]]:
    """Yield (container id, warning) for each of *instances* whose name means another port, too.

    The words are the same for all containers that they are about.
    """
    meanings: dict[str, dict[int, tuple[str, bool]]] = {}
    for key in sorted(instances):
        for name, port, shared in _bare(instances[key].services):
            meanings.setdefault(name, {}).setdefault(port, (key, shared))
    for one in instances.values():
        for name, port, _ in _bare(one.services):
            first, shared = meanings[name][port]
            for other, (second, also_shared) in meanings[name].items():
                if other != port and (shared or also_shared):
                    ways = sorted(((port, first), (other, second)))
                    said = " and to ".join(f"port {number} of {key}" for number, key in ways)
                    yield (
                        one.container,
                        f"service {name} leads to {said}: give one another name"
                        " with SERVICE_<port>_NAME",
                    )


def _bare(services: tuple[str, ...]) -> Iterator[tuple[str, int, bool]]:
    """Yield (name, port, several share it) for each name that has a sister with a port.

    The proper names come first: ``web-80, web`` is one of several, ``web, web-80`` the only one.
    """
    for at, name in enumerate(services):
        stem, dash, port = name.rpartition("-")
        if dash and stem in services and port.isascii() and port.isdigit() and len(port) < 6:
            yield stem, int(port), at < services.index(stem)
