"""The line of ``arpanet status`` for a part whose container runs an agent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arpanet.agent import loop, statusfile
from arpanet.context import Context
from arpanet.errors import EngineError
from arpanet.records import Status

__all__ = ["Summary", "node_status"]

#: What a part's status file says: figures, and what is not as it should be.
Summary = Callable[[Mapping[str, Any]], tuple[str, Sequence[str]]]


def node_status(context: Context, part: str, summary: Summary, waiting: str) -> Status:
    """Return how the container of *part* is, how its agent is, and what its plugin has done.

    :param summary: reads the part's status file.
    :param waiting: what the plugin does while it has not written one yet.
    """
    try:
        return _look(context, part, summary, waiting)
    except EngineError as problem:
        return Status(part, "down", str(problem))


def _look(context: Context, part: str, summary: Summary, waiting: str) -> Status:
    own = context.engine.own(part)
    if not own:
        return Status(part, "absent", "'arpanet slave start' starts it")
    one = own[0]
    where = f"see 'docker logs {one.name}'"
    if one.state != "running":
        return Status(part, "down", f"container {one.name} is {one.state}: {where}")
    state_of_loop = statusfile.read(context.engine, one.name, loop.STATUS) or {}
    troubles = [str(state_of_loop[key]) for key in ("docker", "registry") if state_of_loop.get(key)]
    if failures := state_of_loop.get("failures"):
        troubles.append(f"plugins failed: {', '.join(failures)}: {where}")
    state = statusfile.read(context.engine, one.name, part)
    if state is None:
        return Status(part, "degraded", "; ".join(troubles) or waiting)
    detail, more = summary(state)
    troubles += [trouble for trouble in more if trouble not in troubles]
    return Status(part, "degraded" if troubles else "ok", "; ".join([detail, *troubles]))
