"""This host's roles: starting and stopping them, and whether they run with what is set."""

from collections.abc import Iterator
from typing import Any

from arpanet.context import Context
from arpanet.errors import EngineError
from arpanet.records import Formation
from arpanet.settings import Settings, applied

__all__ = ["COMMANDS", "ROLES", "differing", "start", "stop"]

#: In the order of their starts.
ROLES = ("master", "slave")
#: What a person types to start a role again.
COMMANDS = {
    "master": "arpanet master start --peers boot",
    "slave": "arpanet slave start",
}


def start(context: Context, role: str, formation: Formation | None = None) -> None:
    """Make this host be *role*, and remember with which settings."""
    payload: dict[str, Any] = {}
    with context.progress(f"starting this host's {role}"):
        if role == "master":
            payload["formation"] = _met(context, formation or Formation())
        context.emit(f"{role}.start", **payload)
    applied.write(role, context.settings)
    if role == "slave":
        _remove_old_images(context)


def stop(context: Context, role: str, **payload: Any) -> None:
    """Make this host be *role* no more."""
    with context.progress(f"stopping this host's {role}"):
        context.emit(f"{role}.stop", **payload)
    applied.forget(role)


def differing(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """Yield (role, names) where a start would now use other values than the last one did."""
    for role, given in applied.read().items():
        wanted = settings.repeating(given)
        if names := Settings(settings, given).changes(wanted):
            yield role, names


def _met(context: Context, asked: Formation) -> Formation:
    """Return how this master finds its cluster, once it is known what a token comes down to."""
    if not asked.token:
        return asked
    found: Formation | None = context.bus.first(
        "arpanet_master_meet", context=context, formation=asked
    )
    return found or asked


def _remove_old_images(context: Context) -> None:
    from arpanet.images import node

    try:
        node.remove_old(context.engine)
    except EngineError as problem:
        context.say(f"old node images stay: {problem.message}")
