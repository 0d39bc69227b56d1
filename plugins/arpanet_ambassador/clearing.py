"""Taking every link out of this host's containers, for ``arpanet slave stop``.

An ambassador that merely ends leaves its links, so that an upgrade interrupts nothing: their
removal is asked for explicitly, when no ambassador runs any more that would put them back.
"""

from arpanet import Engine
from arpanet_ambassador.planes.choice import chain
from arpanet_ambassador.planes.namespaces import name_of
from arpanet_ambassador.planes.plane import Home

__all__ = ["clear"]


def clear(engine: Engine) -> dict[str, str]:
    """Take all links of all planes out; return container, or plane -> what was in the way."""
    containers = engine.containers()
    homes: dict[str, Home] = {}
    for one in containers.values():
        if one.network_mode not in ("host", "none"):
            namespace = name_of(one.pid) or one.id
            homes.setdefault(namespace, Home(one.id, one.pid))
    troubles = chain("auto").clear(list(homes.values()))
    names = {key: one.name for key, one in containers.items()}
    return {names.get(key, key): trouble for key, trouble in troubles.items()}
