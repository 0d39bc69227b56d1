"""Taking a master out of the cluster that can't leave by itself any more."""

from collections.abc import Sequence

from arpanet import Context, Member, RegistryError, RegistryUnreachable, UsageError
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters import health, leaving, peers, plan
from arpanet_etcd.masters.container import own
from arpanet_etcd.settings import endpoints

__all__ = ["find", "remove"]


def remove(context: Context, name: str, force: bool) -> None:
    """Take the master *name*, or the member of that id, out of the cluster.

    :param force: also when it is alive.
    :raises UsageError: it is this host's own.
    :raises RegistryUnreachable: the masters have no majority, which it takes.
    :raises RegistryError: there is none of that name; it is alive; the others would have no
        majority; this host is no master.
    """
    places = endpoints(context.settings)
    try:
        members = peers.agreed(places).members
    except RegistryUnreachable as problem:
        raise RegistryUnreachable(
            f"no master can be removed without a majority of them: {problem.message}",
            "start the others first",
        ) from problem
    gone = find(members, name)
    if own(context).peer_url in gone.peer_urls:
        raise UsageError(f"{name} is this host", "'arpanet master stop --leave' gives up its place")
    well = health.well(members)
    alive = gone.id in well or not health.down([gone])
    if alive and not force:
        raise RegistryError(
            f"{name} is alive",
            "'arpanet master stop --leave' there gives up its place; to remove it all the same:"
            " --force",
        )
    if not gone.learner:
        plan.leave(members, own(context), gone.id, well)
    others = [one for one in members if one.id != gone.id and one.id in well]
    try:
        leaving.take_out(context, Gateway([u for one in others for u in one.client_urls]), gone)
    except EtcdError as problem:
        if problem.code != wire.PERMISSION:
            raise
        raise RegistryError(
            "this host may not remove a master: masters alone may", "run this on a master"
        ) from problem
    context.say(f"{name} is no master any more")
    if alive:
        context.say("it runs still: 'arpanet master stop --leave' there drops what it holds")


def find(members: Sequence[Member], name: str) -> Member:
    """Return the member that *name* is the name or the id of.

    :raises RegistryError: there is none.
    """
    for one in members:
        if name in (one.name, one.id):
            return one
    known = ", ".join(sorted(one.name or f"{one.id} (unnamed)" for one in members))
    raise RegistryError(f"there is no master {name}", f"there are: {known}")
