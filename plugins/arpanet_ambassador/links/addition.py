"""What would become of a link that is to be added; pure."""

from dataclasses import replace

from arpanet_ambassador.links.added import Added, put
from arpanet_ambassador.links.declare import Declared, Declaring, declared, owner
from arpanet_ambassador.links.ground import sandbox

__all__ = ["judged"]


def judged(fresh: Added, world: Declaring, proxy_only: bool = False) -> Declared:
    """Return the declaration that *fresh* would be.

    :param proxy_only: links are carried by the proxy alone, which is not within clients.
    :raises ValueError: it can't be a link; one sentence says why.
    """
    own = put(world.added.get(fresh.container, ()), fresh)
    world = replace(world, added={**world.added, fresh.container: own})
    for one in declared(world):
        if one.added == fresh:
            if one.error:
                raise ValueError(one.error)
            if proxy_only:
                raise ValueError("the app dials localhost, which ARPANET_PLANE=proxy can't serve")
            home = owner(world.containers[fresh.container], world.containers)
            if runtime := sandbox(home.runtime):
                raise ValueError(
                    f"the app dials localhost, and the runtime {runtime} has a network stack of "
                    "its own: declare it as BACKEND_<port>"
                )
            return one
    raise ValueError(f"{world.ambassador} is what clients are linked to: it has no links itself")
