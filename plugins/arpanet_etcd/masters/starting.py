"""``master start``: which of the ways is taken, and in what order."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from arpanet import (
    ARPANET_MASTERS,
    Context,
    EngineError,
    Formation,
    Member,
    RegistryError,
    RegistryUnreachable,
    UsageError,
    hostport,
    identity,
)
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import container, discovery, flags, health, image, mark, meeting, peers
from arpanet_etcd.masters.container import EtcdContainer, own
from arpanet_etcd.masters.discovery import Token
from arpanet_etcd.masters.image import Image
from arpanet_etcd.masters.joining import Joiner
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.settings import ETCD_PATH, endpoints

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
    joiner = Joiner(this, machine, lock_key(context), context.progress)
    if peer_urls:
        joiner.join(peer_urls)
        if token:
            meeting.announce(token, this)
    elif data := machine.data():  # Docker makes a container for each look at it
        joiner.resume(endpoints(context.settings), data)
    elif formation.boot:
        _boot(context, machine, this, token)
    elif token and not this.tls:
        mark.refuse_anew(context.settings)
        words = discovery.formation(token, this, found.version, context.progress)
        patience = discovery.PATIENCE if token.v2_url else health.PATIENCE
        _form(context, machine, words, patience, token)
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
    with suppress(RegistryError):  # it did its work; a slow answer is no reason to fail now
        mark.remember(context.settings, peers.ask(this.peer_url), this)
    _report(context, this, found)


def lock_key(context: Context) -> str:
    """Return the key of the lock that whoever changes the masters holds."""
    return f"{context.settings[ETCD_PATH]}/locks/masters"


def _boot(context: Context, machine: EtcdContainer, this: Own, token: Token | None) -> None:
    """Form a cluster of this host alone, where no other master has one.

    Of two that boot at one moment neither sees the other before it is up: so both look again.
    """
    silent = _refuse_second_cluster(context, this)
    mark.refuse_anew(context.settings)
    for place, problem in silent.items():
        raise RegistryUnreachable(
            f"ARPANET_MASTERS names {place}, where a cluster may run: {problem.message}",
            "start that host and open its port, or leave it out of ARPANET_MASTERS for now",
        )
    words = flags.initial({this.name: this.peer_url}, secrets.token_hex(8))
    if token:
        discovery.begin(discovery.place(token.endpoint), token, this)
    _form(context, machine, words, health.PATIENCE, token)
    try:
        _refuse_second_cluster(context, this)
    except RegistryError as problem:
        machine.wipe()
        if token:
            discovery.forget(token, this)
        raise RegistryError(
            f"another master booted at the same moment, and this one gave way: {problem.message}",
            "when it is up, join it; if both gave way, boot one of them",
        ) from problem


def _form(
    context: Context,
    machine: EtcdContainer,
    words: list[str],
    patience: float,
    token: Token | None,
) -> None:
    """Start a member of a new cluster; leave nothing behind when it doesn't come up at all."""
    this = own(context)
    try:
        machine.start(words)
        health.wait(this, machine.check, context.progress, patience)
    except EngineError:
        if machine.data() is None:
            machine.remove()
            if token:
                discovery.forget(token, this)
        raise


def _refuse_second_cluster(context: Context, this: Own) -> dict[str, RegistryUnreachable]:
    """Two clusters with the same masters are an error, or a first master that lost its data.

    :returns: the other masters that are silent, which is no answer: a cluster may run there, and
        be down or cut off just now.
    """
    hosts = (hostport.split(one)[0] for one in context.settings[ARPANET_MASTERS])
    urls = [this.url(host, this.peer_port) for host in hosts]
    silent: dict[str, RegistryUnreachable] = {}
    for peer_url in peers.others(urls, this):
        place = urlsplit(peer_url).netloc
        try:
            cluster = peers.find(peer_url)
        except RegistryUnreachable as problem:
            silent[place] = problem
        else:
            if cluster:
                raise RegistryError(
                    f"ARPANET_MASTERS names {place}, where a cluster runs already",
                    f"join it with --peers {place}",
                )
    return silent


def _report(context: Context, this: Own, found: Image) -> None:
    members: Sequence[Member] = ()
    with suppress(RegistryError):
        members = Gateway([this.client_url]).member_list()
    names = ", ".join(sorted(member.name for member in members)) or "not known yet"
    context.say(f"this master runs etcd {flags.dotted(found.version)}; the masters are {names}")
    if identity.of(context.settings) and flags.rights_fault(found.version):
        context.say(
            f"etcd {flags.dotted(found.version)} forgets to ask for some rights: a host that was"
            " let in could change everything; 3.4.44, 3.5.30 and 3.6.11 don't"
        )
    if flags.learner_fault(found.version) and len(members) > 1:
        context.say(
            f"etcd {flags.dotted(found.version)} can't be upgraded to 3.6 directly:"
            " bring all masters to 3.5.20 or later first"
        )
