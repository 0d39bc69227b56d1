"""The master's container: what lets hosts in, beside this host's etcd."""

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from arpanet import ARPANET_IP, Context, Status, agent_container, node_image, node_status
from arpanet_identity.settings import ARPANET_ENROL_PORT, MASTER_NAME, PART
from arpanet_identity.store import Store

__all__ = ["provide", "start", "status"]

#: Seconds that its agent has to listen: the next host may be told to join the moment this one can.
LISTENS = 15.0


def provide(context: Context) -> None:
    """Have its image ready."""
    node_image(context)


def start(context: Context, kept: Store) -> bool:
    """Have the container run, and whoever wants to be let in be heard.

    :returns: whether there was none before.
    """
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
    if done != "unchanged":
        with context.progress("waiting for enrolment to begin"):
            _wait((context.settings[ARPANET_IP], context.settings[ARPANET_ENROL_PORT]))
    return not known


def _wait(place: tuple[str, int]) -> None:
    """Return once somebody listens at *place*; if nobody does, the agent's status says why."""
    deadline = time.monotonic() + LISTENS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(place, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def status(context: Context) -> Status:
    """Say how it is."""
    return node_status(context, PART, _summary, "it has not looked yet")


def _summary(state: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    detail = f"hosts let in: {state['hosts']}"
    return detail, [state["trouble"]] if state["trouble"] else []
