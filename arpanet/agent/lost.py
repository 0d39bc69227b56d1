"""What an agent that follows the registry knows beyond it: instances that the registry lost.

Whoever reads the registry afresh can't see them; ``arpanet services`` asks the agents of its host.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from arpanet import codec
from arpanet.agent import statusfile
from arpanet.errors import ArpanetError
from arpanet.records import Instance, Snapshot

if TYPE_CHECKING:
    from arpanet.context import Context

__all__ = ["LIMIT", "LostFile", "lost_instances"]

#: The name of the status file.
PART = "lost"
#: How many are left there: while no master answers, it is all that there are.
LIMIT = 1000


class LostFile:
    """Leaves them in the status file; used by the agent's thread."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._left: list[Instance] | None = None

    def leave(self, snapshot: Snapshot) -> None:
        """Leave what of *snapshot* is unconfirmed, where that changed."""
        if snapshot is self._snapshot:
            return
        self._snapshot = snapshot
        found = [one for one in snapshot.instances.values() if one.unconfirmed][:LIMIT]
        if found != self._left:
            statusfile.write(PART, {"instances": [[one.id, codec.encode(one)] for one in found]})
            self._left = found


def lost_instances(context: "Context") -> tuple[Instance, ...]:
    """Return what the agents of this host know to be unconfirmed; nothing where none can tell.

    Raises nothing: a host may have no agents, or no Docker that answers.
    """
    found: dict[str, Instance] = {}
    try:
        for agent in context.engine.own():
            state = statusfile.read(context.engine, agent.name, PART) or {}
            for instance_id, record in state.get("instances", ()):
                one = codec.decode_instance(instance_id, record)
                found[one.id] = replace(one, unconfirmed=True)
    except (ArpanetError, ValueError, TypeError):  # no Docker here, or of another version
        return ()
    return tuple(found.values())
