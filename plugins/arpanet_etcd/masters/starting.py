"""``master start``: which of the ways is taken, and in what order."""

import secrets
from collections.abc import Sequence
from contextlib import suppress

from arpanet import (
    ARPANET_MASTERS,
    Context,
    EngineError,
    Formation,
    Member,
    RegistryError,
    UsageError,
)
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import container, discovery, flags, health, image, peers
from arpanet_etcd.masters.container import EtcdContainer, own
from arpanet_etcd.masters.image import Image
from arpanet_etcd.masters.joining import Joiner
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.settings import ETCD_PATH, ETCD_PEERPORT, endpoints, urls

__all__ = ["lock_key", "start"]


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
    joiner = Joiner(this, machine, lock_key(context), context.say)
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


def lock_key(context: Context) -> str:
    """Return the key of the lock that whoever changes the masters holds."""
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
