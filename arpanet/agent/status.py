"""The line of ``arpanet status`` for a part whose container runs an agent."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from arpanet.agent import statusfile
from arpanet.context import Context
from arpanet.errors import EngineError
from arpanet.records import Status

__all__ = ["Summary", "node_status"]

#: What a part's status file says: figures, and what is not as it should be.
Summary = Callable[[Mapping[str, Any]], tuple[str, Sequence[str]]]

#: Seconds without a sign of life after which an agent is taken to be down.
SILENT = 10.0
#: Seconds for which a failure counts.
RECENT = 600.0
#: Deaths of an agent, in the time that its supervisor counts, that are worth a word.
DEATHS = 3


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
    agent = statusfile.read(context.engine, one.name, statusfile.AGENT)
    now = time.monotonic()  # the same for all processes of a host, and nobody sets it
    if agent and now - float(agent.get("at", now)) > SILENT:
        silent = now - float(agent["at"])
        return Status(part, "down", f"its agent has not moved for {silent:.0f} s: {where}")
    troubles = list(_troubles(agent or {}, now, where))
    state = statusfile.read(context.engine, one.name, part)
    if state is None:
        return Status(part, "degraded", "; ".join(troubles) or waiting)
    detail, more = summary(state)
    troubles += [trouble for trouble in more if trouble not in troubles]
    return Status(part, "degraded" if troubles else "ok", "; ".join([detail, *troubles]))


def _troubles(agent: Mapping[str, Any], now: float, where: str) -> Iterator[str]:
    """Yield what an agent's own state tells of that is not as it should be."""
    yield from (str(agent[key]) for key in ("docker", "registry") if agent.get(key))
    if agent.get("deaths", 0) >= DEATHS:
        yield f"the agent ended {agent['deaths']} times, last: {agent.get('last')}: {where}"
    for plugin, why in sorted(agent.get("left_out", {}).items()):
        yield f"plugin {plugin} was {why}"
    for plugin in agent.get("hanging", ()):
        state = agent["plugins"].get(plugin, {})
        seconds = now - float(state.get("since", now))
        yield f"plugin {plugin} hangs in {state.get('hook')} for {seconds:.0f} s: {where}"
    for plugin, failure in sorted(agent.get("failures", {}).items()):
        if now - failure["at"] < RECENT:
            what = f"failed in {failure['hook']} ({failure['count']} in all)"
            yield f"plugin {plugin} {what}: {failure['words'][:200]}: {where}"
    fault = agent.get("fault", {})
    if fault.get("count") and now - fault["at"] < RECENT:
        yield f"the agent's loop failed {fault['count']} times, last: {fault['words']}: {where}"
