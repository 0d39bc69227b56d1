"""The masters' upkeep as this host's settings have it."""

from arpanet import ARPANET_IDENTITY, HOSTNAME, Context
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters.container import own
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.v3.leafkeeper import LeafKeeper
from arpanet_etcd.registry.vault import where_v3
from arpanet_etcd.settings import ARPANET_SNAPSHOT_HOURS, ARPANET_SNAPSHOTS, endpoints
from arpanet_etcd.upkeep import restoring
from arpanet_etcd.upkeep.caretaker import Caretaker, Schedule

__all__ = ["make_caretaker", "make_leafkeeper"]


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


def make_leafkeeper(context: Context) -> LeafKeeper | None:
    """Return what keeps the services' leaves in this agent; ``None``: the registry is not etcd's.

    :raises SettingsError: its old API was asked for.
    """
    found = where_v3(context.settings)
    if found is None:
        return None
    name = context.settings[HOSTNAME]
    return LeafKeeper(Gateway(found[0], seed=name, pinned=True), Layout(found[1]), name)
