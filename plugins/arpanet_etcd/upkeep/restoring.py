"""A cluster out of a snapshot: first one master, of what the file holds, then the others join it.

Each master of before holds data of a cluster that is given up, and drops it when it joins. Agents
take the restored store for another history: what they knew stays, unconfirmed, until hosts say it
anew; so links go on.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from arpanet import (
    ArpanetError,
    ContainerSpec,
    Context,
    EngineError,
    RegistryError,
    UsageError,
    identity,
)
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import container, flags, health, image, mark, peers
from arpanet_etcd.masters.container import EtcdContainer, own
from arpanet_etcd.masters.image import Image
from arpanet_etcd.masters.joining import Joiner
from arpanet_etcd.masters.plan import Cluster, Own
from arpanet_etcd.masters.starting import lock_key
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.vault import where_v3
from arpanet_etcd.upkeep import snapshot
from arpanet_etcd.upkeep.origin import NOTE, Origin, fingerprints
from arpanet_etcd.upkeep.snapshot import Contents

__all__ = ["follow", "kept_ca", "note_key", "refuse", "restore"]

#: Where a snapshot is tried before anything is given up for it.
TRIAL = "arpanet_etcd_trial"
#: Where the container that restores it finds the file.
SOURCE = "/snapshot"
#: Seconds that it may take: a large store is written twice.
PATIENCE = 600


def restore(context: Context, file: Path, force: bool) -> None:
    """Make this host's master the first of a new cluster that holds what *file* does.

    :param force: also what does not say that it is of this arpanet.
    :raises ArpanetError: it is no snapshot, of another cluster or by a newer etcd: nothing was
        changed; or it could not be restored.
    """
    this = own(context)
    container.preflight(context)
    contents = snapshot.read(file, note_key(context))
    found = image.provide(context)
    machine = EtcdContainer(context, found)
    data = machine.data()
    cluster = data.cluster if data else mark.known(context.settings)
    refuse(str(file), contents, found.version, cluster, kept_ca(context), force)
    token = secrets.token_hex(8)
    with context.progress(f"trying {file}"):
        try:
            context.engine.sweep()  # what a killed one left holds the volumes
            context.engine.remove_volume(TRIAL)
            context.engine.ensure_volume(TRIAL)
            _unpack(context, found, this, file, TRIAL, token)
        finally:
            context.engine.remove_volume(TRIAL)
    with context.progress(f"restoring {file}"):
        machine.wipe()
        context.engine.ensure_volume(container.VOLUME)
        _unpack(context, found, this, file, container.VOLUME, token)
        machine.start(flags.initial({this.name: this.peer_url}, token))
    health.wait(this, machine.check, context.progress)
    mark.remember(context.settings, peers.ask(this.peer_url), this)
    context.say(f"this master has what {file} holds, and is the only one of a new cluster")
    place = this.peer_url.partition("//")[2]
    context.say(f"on each other master run: arpanet master restore --peers {place}")


def follow(context: Context, words: Sequence[str], force: bool) -> None:
    """Join a restored cluster; drop what this host's master held before.

    :param words: where its masters' peer ports are.
    :param force: also where that was not restored from a snapshot of what is held here.
    """
    this = own(context)
    urls = peers.others(words, this)
    if not urls:
        raise UsageError("--peers names only this host itself", "name the master that was restored")
    container.preflight(context)
    machine = EtcdContainer(context, image.provide(context))
    data = machine.data()
    cluster = peers.ask_any(urls)
    if data and data.cluster != cluster.id:
        if not force:
            _refuse_stranger(context, cluster, data.cluster)
        context.say(f"dropping what this master held of cluster {data.cluster}")
        machine.wipe()
    Joiner(this, machine, lock_key(context), context.progress).join(urls)
    with suppress(RegistryError):  # it did its work
        mark.remember(context.settings, peers.ask(this.peer_url), this)
    context.say(f"this master is one of cluster {cluster.id}")


def refuse(
    file: str,
    contents: Contents,
    running: flags.Version,
    cluster: str,
    ca: Sequence[str],
    force: bool,
) -> None:
    """Refuse a snapshot that this host's master can't go on with.

    :param running: the version of etcd that is to read it.
    :param cluster: the number of the cluster that this host was in, ``""``: none.
    :param ca: the fingerprints of the CA that it knows others by.
    :raises ArpanetError: says why, and what to do.
    """
    origin = contents.origin
    if origin is None and not force:
        raise ArpanetError(
            f"{file} does not say which cluster it is of",
            "'arpanet master snapshot' has it said; --force takes it all the same",
        )
    strange = origin.stranger(cluster, ca) if origin else ""
    if strange and origin and (origin.ca or not force):
        raise ArpanetError(
            f"{file} is of another cluster: {strange}",
            "restore it on a master of that one" if origin.ca else "--force takes it all the same",
        )
    if contents.version and (reason := flags.upgrade((*contents.version, 0), running)):
        raise ArpanetError(
            f"{file} is of another version: {reason}",
            "let ETCD_IMAGE name an etcd of {}.{}".format(*contents.version),
        )


def note_key(context: Context) -> str:
    """Return the key that says what a store is of.

    :raises SettingsError: the registry is asked for by etcd's old API.
    :raises ArpanetError: it is no etcd.
    """
    found = where_v3(context.settings)
    if found is None:
        raise ArpanetError("ARPANET_REGISTRY names another registry: that has masters of its own")
    return Layout(found[1]).kept(NOTE)


def kept_ca(context: Context) -> tuple[str, ...]:
    """Return the fingerprints of the CA that this host knows others by."""
    me = identity.of(context.settings)
    return fingerprints(me.ca if me else None)


def _refuse_stranger(context: Context, cluster: Cluster, held: str) -> None:
    """A mistyped address must not cost a master of another cluster its data."""
    said = Gateway(cluster.client_urls()).get(note_key(context))
    origin = Origin.parse(said.value) if said else None
    if origin is None or held not in (origin.cluster, *origin.before):
        raise RegistryError(
            f"cluster {cluster.id} was not restored from a snapshot of {held}, which this host's"
            " master is of",
            "is --peers right? --force gives up what it holds all the same",
        )


def _unpack(context: Context, found: Image, this: Own, file: Path, volume: str, token: str) -> None:
    """Make a member's data of *file*, in a volume that has none, with etcd's own tool."""
    tool = "etcdutl" if found.version >= (3, 6, 0) else "etcdctl"
    file = file.resolve()
    words = (
        *(tool, "snapshot", "restore", f"{SOURCE}/{file.name}", f"--data-dir={flags.DATA}"),
        *(f"--name={this.name}", f"--initial-cluster={this.name}={this.peer_url}"),
        f"--initial-cluster-token={token}",
        f"--initial-advertise-peer-urls={this.peer_url}",
    )
    spec = ContainerSpec(
        image.PART,
        "",
        found.tag,
        words,
        env={"ETCDCTL_API": "3"},
        network="host",
        volumes={str(file.parent): f"{SOURCE}:ro", volume: container.MOUNT},
    )
    code, _, said = context.engine.run_to_end(spec, PATIENCE)
    if code:
        last = said.decode(errors="replace").strip().splitlines() or [f"exit {code}"]
        raise EngineError(f"{tool} can't restore {file}: {container.readable(last[-1])}")
