"""The master's container: what lets hosts in, beside this host's etcd."""

from collections.abc import Mapping, Sequence
from typing import Any

from arpanet import Context, Status, agent_container, node_image, node_status
from arpanet_identity.keeper import PART
from arpanet_identity.settings import MASTER_NAME
from arpanet_identity.store import Store

__all__ = ["start", "status"]


def start(context: Context, kept: Store) -> bool:
    """Have the container run; return whether there was none before."""
    known = bool(context.engine.own(PART))
    name = context.settings[MASTER_NAME]
    spec = agent_container(
        context,
        PART,
        name,
        image=node_image(context),
        role="master",
        # the CA's key is here, and in no other container
        volumes={str(kept.directory): str(kept.directory)},
        # who is shut out loses the connections that it has to this host's masters
        also=("NET_ADMIN",),
    )
    done = context.engine.ensure(spec)
    context.say(f"enrolment: container {name} {done}")
    return not known


def status(context: Context) -> Status:
    """Say how it is."""
    return node_status(context, PART, _summary, "it has not looked yet")


def _summary(state: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    detail = f"{state['hosts']} hosts are let in"
    return detail, [state["trouble"]] if state["trouble"] else []
