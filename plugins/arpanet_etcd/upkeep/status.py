"""How the masters' upkeep goes, by what the agent that does it leaves."""

from collections.abc import Sequence
from itertools import product

from arpanet import Context, EngineError, Status, statusfile
from arpanet_etcd.registry.v3 import leafkeeper

__all__ = ["PART", "status"]

#: The part under which the agent leaves what is wrong.
PART = "upkeep"


def status(context: Context) -> Sequence[Status]:
    """Say what is wrong with it, if anything is, on a master."""
    lines = []
    try:
        running = [one for one in context.engine.own("master") if one.state == "running"]
        for one, part in product(running, (PART, leafkeeper.PART)):
            said = statusfile.read(context.engine, one.name, part) or {}
            if said.get("trouble"):
                lines.append(Status(part, "degraded", str(said["trouble"])))
    except EngineError:
        pass  # others report that Docker is down
    return lines
