"""The container that an agent runs in."""

from typing import Any

from arpanet import identity
from arpanet.context import Context
from arpanet.docker.specs import ContainerSpec, state_volume
from arpanet.images.node import node_image

__all__ = ["agent_container"]

#: Where agents keep what is to outlive their containers: the registry as it was last seen.
KEPT = "/var/lib/arpanet"
#: Where they leave their state: in memory, and bounded, so that no plugin fills it.
RUN = {"/run": "rw,nosuid,nodev,size=16m,mode=755"}
#: To glibc: one heap for all threads, of which Python runs one at a time anyway, and what is free
#: at its end goes back to the system.
HEAP = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "65536"}


def agent_container(context: Context, part: str, name: str, **more: Any) -> ContainerSpec:
    """Return the spec of the container that runs ``arpanet agent`` *part*, for ``engine.ensure``.

    It may talk to this host's Docker, has this host's settings in its environment, its certificate
    where it is on the host, and belongs to the role ``slave``. What it writes to
    ``/var/lib/arpanet`` outlives the container, until ``engine.remove_part`` removes the part.

    :param more: fields of :class:`~arpanet.docker.specs.ContainerSpec` that are to be otherwise;
        ``volumes`` are added to those that an agent has anyway.
    :raises ArpanetError: the node image can't be had (see :func:`~arpanet.images.node.node_image`).
    """
    image = more.pop("image", None) or node_image(context)
    volumes = {state_volume(part): KEPT, **_certificate(context), **more.pop("volumes", {})}
    given: dict[str, Any] = {
        "command": ("agent", part),
        "role": "slave",
        "env": {**HEAP, **context.settings.environment()},
        "network": "host",
        "tmpfs": RUN,
        "docker": True,
    }
    return ContainerSpec(part, name, image, volumes=volumes, **{**given, **more})


def _certificate(context: Context) -> dict[str, str]:
    me = identity.of(context.settings)
    return {str(me.host): str(me.host)} if me else {}
