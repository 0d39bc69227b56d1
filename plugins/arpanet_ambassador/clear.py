"""Taking every link out of this host's containers, for ``arpanet slave stop``.

An ambassador that merely ends leaves its links, so that an upgrade interrupts nothing: their
removal is asked for explicitly, when no ambassador runs any more that would put them back.
"""

from collections.abc import Mapping

from arpanet import ArpanetError, Container, Engine
from arpanet_ambassador.planes.choice import chain
from arpanet_ambassador.planes.namespaces import name_of
from arpanet_ambassador.planes.nftables.nft import NftError
from arpanet_ambassador.planes.plane import Home
from arpanet_ambassador.planes.proxy import early

__all__ = ["clear", "here", "homes"]


def clear(engine: Engine) -> dict[str, str]:
    """Take all links of all planes out; return container, or plane -> what was in the way."""
    containers = engine.containers()
    troubles = chain("auto").clear(list(homes(containers).values()))
    names = {key: one.name for key, one in containers.items()}
    return {names.get(key, key): trouble for key, trouble in troubles.items()}


def here() -> None:
    """Take away what the proxy alone has left in the namespace of what clients are linked to.

    :raises ArpanetError: it stays.
    """
    try:
        early.forget()
    except (OSError, NftError) as problem:
        raise ArpanetError(f"rules stay: {problem}") from problem


def homes(containers: Mapping[str, Container]) -> dict[str, Home]:
    """Return each network namespace in which *containers* can have links, by its name."""
    found: dict[str, Home] = {}
    for one in containers.values():
        if one.network_mode not in ("host", "none"):
            found.setdefault(name_of(one.pid) or one.id, Home(one.id, one.pid))
    return found
