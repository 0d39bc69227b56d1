"""``master stop``, and leaving for good."""

import time
from collections.abc import Sequence
from contextlib import suppress

from arpanet import Context, Member, RegistryError, RegistryUnreachable
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError, Unanswered
from arpanet_etcd.masters import health, image, mark, peers, plan
from arpanet_etcd.masters.container import EtcdContainer, own
from arpanet_etcd.masters.joining import ROUND
from arpanet_etcd.masters.lock import Lock
from arpanet_etcd.masters.plan import Cluster, Own
from arpanet_etcd.masters.starting import lock_key
from arpanet_etcd.masters.wal import Identity
from arpanet_etcd.settings import endpoints

__all__ = ["leave", "stop", "take_out"]

#: Seconds for the others to agree that this member goes.
REMOVED = 30.0


def stop(context: Context) -> None:
    """Stop this host's master; its data and its place in the cluster stay."""
    stopped = context.engine.stop_part(image.PART)
    context.say(f"stopped {', '.join(stopped)}" if stopped else "no master runs here")


def leave(context: Context) -> None:
    """Give up this host's membership, then its data. Interrupted anywhere, run it again.

    :raises RegistryError: the others could not go on without it.
    :raises RegistryUnreachable: no master answers.
    """
    found = image.earlier(context.engine) or image.present(context)
    machine = EtcdContainer(context, found) if found else None
    data = machine.data() if machine else None
    if machine is None or (data is None and not context.engine.own(image.PART)):
        context.say("this host is no master")
        return
    this = own(context)
    cluster = _cluster(context, this, data)
    mine = plan.find(cluster, this, data)
    if mine:
        _remove(context, this, cluster.members, mine)
    machine.wipe()
    mark.forget(context.settings)
    context.say(f"{this.name} is no master any more; its data is gone")


def _cluster(context: Context, this: Own, data: Identity | None) -> Cluster:
    """Ask the cluster that this host is in; another one would call its member a stranger."""
    places = list(dict.fromkeys([this.client_url, *endpoints(context.settings)]))
    try:
        cluster = peers.agreed(places)
    except RegistryUnreachable as problem:
        raise _unable(this, data, places, problem) from problem
    if data and data.cluster != cluster.id:
        raise RegistryError(
            f"ARPANET_MASTERS names cluster {cluster.id}, this host belongs to {data.cluster}",
            f"correct it; if {data.cluster} is gone for good: {this.drop}",
        )
    return cluster


def _unable(
    this: Own, data: Identity | None, places: list[str], problem: RegistryUnreachable
) -> RegistryError:
    """Return why nobody can agree to the leaving; what one master remembers is enough to say it."""
    with suppress(RegistryUnreachable):
        cluster = Cluster(*Gateway(places).membership())
        mine = plan.find(cluster, this, data)
        others = [one for one in cluster.members if mine and one.id != mine.id]
        try:
            plan.leave(cluster.members, this, mine.id if mine else "", health.well(others))
        except RegistryError as why:
            return why
    return RegistryUnreachable(
        f"to leave, a master must answer: {problem.message}",
        f"start this host's master first; if its cluster is gone for good: {this.drop}",
    )


def _remove(context: Context, this: Own, members: Sequence[Member], mine: Member) -> None:
    others = [one for one in members if one.id != mine.id]
    well = health.well(others)
    plan.leave(members, this, mine.id, well)
    successor = next(one for one in others if one.id in well and not one.learner)
    _hand_over(this, mine, successor)
    gateway = Gateway([url for one in others if one.id in well for url in one.client_urls])
    take_out(context, gateway, mine)


def take_out(context: Context, gateway: Gateway, member: Member) -> None:
    """Have the masters behind *gateway* agree that *member* is none of them; it takes a majority.

    :raises RegistryError: they don't within 30 s; or this host may not ask for it.
    """
    name = member.name or member.peer_urls[0]
    deadline = time.monotonic() + REMOVED
    progress = context.progress
    leaving = progress(f"waiting for the other masters to let {name} go")
    with Lock(gateway, lock_key(context), own(context).name, progress) as lock, leaving:
        while True:
            lock.check()
            try:
                if all(one.id != member.id for one in peers.agreed(gateway.endpoints).members):
                    return
                gateway.member_remove(member.id)
            except (RegistryUnreachable, Unanswered, EtcdError) as problem:
                if time.monotonic() > deadline:
                    raise RegistryError(
                        f"the other masters don't let {name} go: {problem.message}",
                        "'arpanet master status' shows how they are",
                    ) from problem
                time.sleep(ROUND)


def _hand_over(this: Own, mine: Member, successor: Member) -> None:
    """Let another one lead: a leader that goes unannounced stops all writes for a second or two."""
    with suppress(RegistryError):  # it may not run, or not lead
        gateway = Gateway([this.client_url])
        if f"{int(gateway.status(this.client_url).get('leader', 0)):x}" == mine.id:
            body = {"targetID": str(int(successor.id, 16))}
            gateway.call("maintenance/transfer-leadership", body)
