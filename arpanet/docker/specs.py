"""What a node container must look like, as the body of Docker's create call; pure.

The label :data:`SPEC_LABEL` holds a hash of that body, so "does it differ?" is one comparison, also
after an upgrade of arpanet that fills the body in another way.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "IMAGE_LABEL",
    "ONCE_LABEL",
    "PART_LABEL",
    "ROLE_LABEL",
    "SPEC_LABEL",
    "ContainerSpec",
    "OwnContainer",
]

PART_LABEL = "arpanet.part"
ROLE_LABEL = "arpanet.role"
SPEC_LABEL = "arpanet.spec"
#: The id of the image that a container was made from: its tag may mean another one later.
IMAGE_LABEL = "arpanet.image"
#: Marks a one-shot container, so that one left by a killed command is found and removed.
ONCE_LABEL = "arpanet.once"


@dataclass(frozen=True)
class ContainerSpec:
    """What a node container must look like.

    :ivar part: ``etcd``, ``registrator``, ``ambassador`` or a third party's; a host has one
        container of a part.
    :ivar role: what a host is that runs this: ``master`` or ``slave``; the watcher runs its start
        event again after a change of settings.
    :ivar command: follows the image's entry point, as with ``docker run``.
    :ivar network: ``bridge``, ``host``, ``container:<name>``, or a network's name.
    :ivar volumes: host path or volume name -> path in the container, with ``:ro`` when read-only.
    :ivar pid_host: share the host's pid namespace.
    :ivar security: ``--security-opt`` values, as ``apparmor=unconfined``.
    :ivar exposed: TCP ports.
    :ivar stop_seconds: from SIGTERM to SIGKILL.
    """

    part: str
    name: str
    image: str
    command: tuple[str, ...]
    role: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: str = "bridge"
    volumes: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    pid_host: bool = False
    security: tuple[str, ...] = ()
    exposed: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 10


@dataclass(frozen=True)
class OwnContainer:
    """A container that carries :data:`PART_LABEL`.

    :ivar role: see :class:`ContainerSpec`.
    :ivar state: Docker's word: ``running``, ``exited``, ``created``, ``restarting``, ...
    :ivar image: as it was named when the container was created.
    :ivar started: Docker's time stamp of the last start (RFC 3339).
    """

    name: str
    part: str
    state: str
    image: str
    id: str
    started: str
    role: str = ""


def create_body(spec: ContainerSpec) -> dict[str, Any]:
    """Return the body of ``POST /containers/create`` for *spec*, both labels included."""
    body: dict[str, Any] = {
        "Image": spec.image,
        "Cmd": list(spec.command),
        "Env": [f"{name}={spec.env[name]}" for name in sorted(spec.env)],
        "ExposedPorts": {f"{port}/tcp": {} for port in sorted(spec.exposed)},
        "Labels": {**spec.labels, PART_LABEL: spec.part, ROLE_LABEL: spec.role},
        "StopTimeout": spec.stop_seconds,
        "HostConfig": {
            "Binds": [f"{source}:{spec.volumes[source]}" for source in sorted(spec.volumes)],
            "CapAdd": list(spec.capabilities),
            "NetworkMode": spec.network,
            "PidMode": "host" if spec.pid_host else "",
            "RestartPolicy": {"Name": "unless-stopped"},
            "SecurityOpt": list(spec.security),
        },
    }
    if spec.pid_host or spec.network == "host":  # with --userns-remap, Docker refuses these else
        body["HostConfig"]["UsernsMode"] = "host"
    text = json.dumps([spec.name, body], sort_keys=True)
    body["Labels"][SPEC_LABEL] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return body


def once_of(spec: ContainerSpec) -> dict[str, Any]:
    """Return the body of the create call for a one-shot container that is made like *spec*."""
    body = create_body(spec)
    body["Labels"] = {ONCE_LABEL: str(os.getpid())}
    body["HostConfig"]["RestartPolicy"] = {"Name": "no"}
    return body


def once_body(
    image: str, argv: tuple[str, ...], network: str, volumes: Mapping[str, str]
) -> dict[str, Any]:
    """Return the body of the create call for a one-shot container that runs exactly *argv*.

    Its label names this process: once that is gone, nobody will remove the container but
    :meth:`arpanet.docker.own.sweep`.
    """
    return {
        "Image": image,
        "Entrypoint": [argv[0]],
        "Cmd": list(argv[1:]),
        "Labels": {ONCE_LABEL: str(os.getpid())},
        "HostConfig": {
            "Binds": [f"{source}:{volumes[source]}" for source in sorted(volumes)],
            "NetworkMode": network,
        },
    }
