"""One name, two meanings: instances of a service that lead to different ports of their containers.

That is as it may be where each container has one port: a service is what it is called. But a name
shared by several ports leads to one of them only, and what that is differs between containers that
publish different ones: HTTP of the one and TLS of the other under one name.
"""

from collections.abc import Iterator, Mapping

from arpanet import Instance

__all__ = ["mixed"]


def mixed(
    own: Mapping[str, Instance], foreign: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Yield (container id, warning) for each of *own* whose name means another port elsewhere.

    :param foreign: what other hosts hold, id -> service names.
    """
    names = {name for one in own.values() for name in one.services}
    every = {key: services for key, services in foreign.items() if not names.isdisjoint(services)}
    every |= {key: one.services for key, one in own.items()}
    meanings: dict[str, dict[int, tuple[str, bool]]] = {}
    for key in sorted(every):
        for name, port, shared in _bare(every[key]):
            meanings.setdefault(name, {}).setdefault(port, (key, shared))
    for one in own.values():
        for name, port, shared in _bare(one.services):
            for other, (key, also_shared) in meanings[name].items():
                if other != port and (shared or also_shared):
                    yield (
                        one.container,
                        f"service {name} leads to port {port} here and to port {other} of {key}:"
                        f" give one another name with SERVICE_<port>_NAME",
                    )


def _bare(services: tuple[str, ...]) -> Iterator[tuple[str, int, bool]]:
    """Yield (name, port, several share it) for each name that has a sister with a port.

    The proper names come first: ``web-80, web`` is one of several, ``web, web-80`` the only one.
    """
    for at, name in enumerate(services):
        stem, dash, port = name.rpartition("-")
        if dash and stem in services and port.isascii() and port.isdigit() and len(port) < 6:
            yield stem, int(port), at < services.index(stem)
