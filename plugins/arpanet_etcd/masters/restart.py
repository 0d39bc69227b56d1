"""Beginning this host's etcd anew, which reads once whom to trust, while the others go on."""

from arpanet import Context, RegistryError
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import health
from arpanet_etcd.masters.container import own
from arpanet_etcd.masters.image import PART
from arpanet_etcd.settings import endpoints

__all__ = ["restart"]


def restart(context: Context) -> None:
    """Start this host's etcd again, and wait until it is in a majority.

    :raises RegistryError: another master is not well, and this one may be needed; nothing is done.
    """
    this = own(context)
    members = Gateway(endpoints(context.settings)).member_list()
    others = [one for one in members if this.peer_url not in one.peer_urls]
    well = health.well(others)
    if sick := sorted(one.name or one.peer_urls[0] for one in others if one.id not in well):
        raise RegistryError(
            f"etcd on this host is not started again while {', '.join(sick)} does not answer",
            "start that master, or take it out: 'arpanet master remove'",
        )
    for one in context.engine.own(PART):
        context.engine.restart(one.id)
    health.wait(this, lambda: None, context.progress)
