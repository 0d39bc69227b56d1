"""``master start`` and ``master stop``: which of the ways is taken, and in what order."""

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress

from arpanet.context import Context
from arpanet.errors import EngineError, RegistryError, RegistryUnreachable, UsageError
from arpanet.records import Formation, Member
from arpanet.settings import ARPANET_MASTERS
from arpanet_etcd import container, discovery, flags, health, image, peers, plan
from arpanet_etcd.config import ETCD_PATH, ETCD_PEERPORT, endpoints, urls
from arpanet_etcd.container import EtcdContainer, own
from arpanet_etcd.gateway import Gateway
from arpanet_etcd.image import PART, Image
from arpanet_etcd.join import ROUND, Joiner
from arpanet_etcd.lock import Lock
from arpanet_etcd.plan import Own
from arpanet_etcd.wire import EtcdError, Unanswered

__all__ = ["start", "stop"]

#: Seconds for the others to agree that this member goes.
REMOVED = 30.0


def start(context: Context, formation: Formation) -> None:
    """Make this host a master; see :func:`arpanet.hookspecs.arpanet_master_start`.

    Data of a member decides: a host that has it starts that member, whatever *formation* says, but
    for peers of another cluster, which are refused.
    """
    this = own(context)
    # what is wrong with the command line is said before anything is looked at
    token = discovery.parse(formation.token) if formation.token else None
    peer_urls = peers.others(formation.peers, this)
    container.preflight(context)
    found = image.provide(context)
    machine = EtcdContainer(context, found)
    joiner = Joiner(this, machine, _lock_key(context), context.say)
    data = machine.data()
    if peer_urls:
        joiner.join(peer_urls)
    elif data:
        joiner.resume(endpoints(context.settings))
    elif formation.boot:
        _refuse_second_cluster(context, this)
        words = flags.initial({this.name: this.peer_url}, secrets.token_hex(8))
        _form(context, machine, words, health.PATIENCE)
    elif token:
        words = discovery.formation(token, this, found.version, context.say)
        _form(context, machine, words, discovery.PATIENCE if token.v2_url else health.PATIENCE)
    elif formation.peers:
        raise UsageError(
            "--peers names only this host itself",
            "the first master is started with --peers boot",
        )
    else:
        raise UsageError(
            "this host has no master's data to start by",
            "run 'arpanet master start' with --peers or --token",
        )
    _report(context, this, found)


def _lock_key(context: Context) -> str:
    return f"{context.settings[ETCD_PATH]}/locks/masters"


def _form(context: Context, machine: EtcdContainer, words: list[str], patience: float) -> None:
    """Start a member of a new cluster; leave nothing behind when it doesn't come up at all."""
    try:
        machine.start(words)
        health.wait(own(context), machine.check, context.say, patience)
    except EngineError:
        if machine.data() is None:
            machine.remove()
        raise


def _refuse_second_cluster(context: Context, this: Own) -> None:
    """Two clusters with the same masters are an error, or a first master that lost its data."""
    hosts = [peers.host(one) for one in context.settings[ARPANET_MASTERS]]
    for peer_url in peers.others(urls(tuple(hosts), context.settings[ETCD_PEERPORT]), this):
        if peers.answers(peer_url):
            place = peer_url.removeprefix("http://")
            raise RegistryError(
                f"ARPANET_MASTERS names {place}, where a cluster runs already",
                f"join it with --peers {place}",
            )


def _report(context: Context, this: Own, found: Image) -> None:
    members: Sequence[Member] = ()
    with suppress(RegistryError):  # it did its work; a slow answer is no reason to fail now
        members = Gateway([this.client_url]).member_list()
    names = ", ".join(sorted(member.name for member in members)) or "not known yet"
    context.say(f"this master runs etcd {flags.dotted(found.version)}; the masters are {names}")
    if flags.learner_fault(found.version) and len(members) > 1:
        context.say(
            f"etcd {flags.dotted(found.version)} can't be upgraded to 3.6 directly:"
            " bring all masters to 3.5.20 or later first"
        )


# -- stopping ------------------------------------------------------------------------------------


def stop(context: Context, leave: bool) -> None:
    """Stop this host's master; see :func:`arpanet.hookspecs.arpanet_master_stop`."""
    if not leave:
        stopped = context.engine.stop_part(PART)
        context.say(f"stopped {', '.join(stopped)}" if stopped else "no master runs here")
        return
    # leaving must not need another image
    found = image.earlier(context.engine) or image.provide(context)
    machine = EtcdContainer(context, found)
    this = own(context)
    gateway = Gateway(list(dict.fromkeys([this.client_url, *endpoints(context.settings)])))
    data = machine.data()
    if data is None and not context.engine.own(PART):
        context.say("this host is no master")
        return
    try:
        cluster = peers.cluster_of(gateway)
    except RegistryUnreachable as problem:
        raise RegistryUnreachable(
            f"to leave, a master must answer: {problem.message.partition(': ')[2]}",
            "start this host's master first",
        ) from problem
    if data and data.cluster != cluster.id:
        raise RegistryError(
            f"ARPANET_MASTERS names cluster {cluster.id}, this host belongs to {data.cluster}",
            "correct it, then try again",
        )
    mine = plan.find(cluster, this, data)
    if mine:
        _remove(context, cluster.members, mine)
    machine.wipe()
    context.say(f"{this.name} is no master any more; its data is gone")


def _remove(context: Context, members: Sequence[Member], mine: Member) -> None:
    others = [one for one in members if one.id != mine.id]
    plan.leave(members, mine.id, health.well(others))
    gateway = Gateway([url for one in others for url in one.client_urls])
    deadline = time.monotonic() + REMOVED
    with Lock(gateway, _lock_key(context), own(context).name, context.say) as lock:
        while any(one.id == mine.id for one in gateway.member_list()):
            lock.keep()
            try:
                gateway.member_remove(mine.id)
            except (Unanswered, EtcdError) as problem:
                if time.monotonic() > deadline:
                    raise RegistryError(
                        f"the other masters don't let this one go: {problem.message}",
                        "'arpanet status' shows how they are",
                    ) from problem
                time.sleep(ROUND)
