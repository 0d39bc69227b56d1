"""The masters' upkeep as this host's settings have it, and how it goes."""

from collections.abc import Sequence

from arpanet import ARPANET_IDENTITY, Context, EngineError, Status, statusfile
from arpanet_etcd.masters.container import own
from arpanet_etcd.settings import ARPANET_SNAPSHOT_HOURS, ARPANET_SNAPSHOTS, endpoints
from arpanet_etcd.upkeep import caretaker, restoring
from arpanet_etcd.upkeep.caretaker import Caretaker, Schedule

__all__ = ["make_caretaker", "status"]


def make_caretaker(context: Context) -> Caretaker:
    """Return what cares for the masters in this agent; it does no I/O yet.

    Snapshots are kept where this host's identity is: on the host, and as private.
    """
    values = context.settings
    schedule = Schedule(
        values[ARPANET_IDENTITY] / "snapshots",
        values[ARPANET_SNAPSHOT_HOURS] * 3600,
        values[ARPANET_SNAPSHOTS],
    )
    key = restoring.note_key(context)
    places = endpoints(values)
    return Caretaker(own(context), places, key, lambda: restoring.kept_ca(context), schedule)


def status(context: Context) -> Sequence[Status]:
    """Say what is wrong with it, if anything is, on a master."""
    try:
        for one in context.engine.own("master"):
            if one.state == "running":
                said = statusfile.read(context.engine, one.name, caretaker.PART) or {}
                if said.get("trouble"):
                    return [Status(caretaker.PART, "degraded", str(said["trouble"]))]
    except EngineError:
        pass  # others report that Docker is down
    return []
