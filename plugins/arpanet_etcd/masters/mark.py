"""Which cluster this host has belonged to: kept apart from its member's data.

A host without data looks like a new one. What tells that its data was lost is a volume that holds
nothing, and whose labels name the cluster.
"""

from arpanet import Engine, RegistryError
from arpanet_etcd.masters.plan import Cluster, Own

__all__ = ["VOLUME", "forget", "known", "refuse_anew", "remember"]

VOLUME = "arpanet_cluster"
#: The cluster's hexadecimal id; where its other masters' peer ports were.
CLUSTER, PEERS = "arpanet.cluster", "arpanet.peers"


def remember(engine: Engine, cluster: Cluster, own: Own) -> None:
    """Note that this host is in *cluster*."""
    urls = sorted({url for one in cluster.members for url in one.peer_urls} - {own.peer_url})
    labels = {CLUSTER: cluster.id, PEERS: ",".join(url.partition("//")[2] for url in urls)}
    if engine.volume_labels(VOLUME) != labels:
        engine.remove_volume(VOLUME)
        engine.ensure_volume(VOLUME, labels)


def known(engine: Engine) -> str:
    """Return the number of the cluster that this host is in, ``""``: none."""
    return (engine.volume_labels(VOLUME) or {}).get(CLUSTER, "")


def forget(engine: Engine) -> None:
    """Note that this host is in no cluster."""
    engine.remove_volume(VOLUME)


def refuse_anew(engine: Engine) -> None:
    """Refuse to begin a new cluster where this host was in one: the others may just be down.

    :raises RegistryError: it was.
    """
    if known := engine.volume_labels(VOLUME):
        others = known.get(PEERS) or "<another master>:7001"
        raise RegistryError(
            f"this host was in cluster {known.get(CLUSTER)}, and has no master's data of it",
            f"join again with --peers {others};"
            f" if that cluster is gone for good: docker volume rm {VOLUME}",
        )
