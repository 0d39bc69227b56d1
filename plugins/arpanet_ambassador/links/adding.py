"""What would become of a link that is to be added; pure."""

from dataclasses import replace

from arpanet_ambassador.links.added import Added, put
from arpanet_ambassador.links.declare import Declared, Declaring, declared

__all__ = ["judged"]


def judged(fresh: Added, world: Declaring) -> Declared:
    """Return the declaration that *fresh* would be.

    :raises ValueError: it can't be a link; one sentence says why.
    """
    own = put(world.added.get(fresh.container, ()), fresh)
    world = replace(world, added={**world.added, fresh.container: own})
    for one in declared(world):
        if one.added == fresh:
            if one.error:
                raise ValueError(one.error)
            return one
    raise ValueError(f"{world.ambassador} is what clients are linked to: it has no links itself")
