"""What a node container must look like, as the body of Docker's create call.

Pure, but for a look at where Docker's socket is.

The label :data:`SPEC_LABEL` holds a hash of that body, so "does it differ?" is one comparison, also
after an upgrade of arpanet that fills the body in another way.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = [
    "IMAGE_LABEL",
    "NODE_DIRECTORY",
    "ONCE_LABEL",
    "PART_LABEL",
    "ROLE_LABEL",
    "SPEC_LABEL",
    "ContainerSpec",
    "OwnContainer",
    "state_volume",
]

PART_LABEL = "arpanet.part"
ROLE_LABEL = "arpanet.role"
SPEC_LABEL = "arpanet.spec"
#: The id of the image that a container was made from: its tag may mean another one later.
IMAGE_LABEL = "arpanet.image"
#: Marks a one-shot container, so that one left by a killed command is found and removed.
ONCE_LABEL = "arpanet.once"
#: Docker's socket on a host, and where the directory that it is in is mounted in a node container.
SOCKET, NODE_DIRECTORY = "/var/run/docker.sock", "/host/run"

#: No program in a container gets rights that its first one lacks.
NOTHING_MORE = "no-new-privileges"
#: Docker's policy for what runs and for what a person stopped. Not the second for all: Docker takes
#: what it ends itself, as live-restore is turned off, for stopped by a person, too.
ALWAYS, STOPPED = "always", "unless-stopped"
#: What one that asks for no rights has: ports below 1024, and its own volumes, also where Docker
#: made them another user's (--userns-remap).
FEW = ("DAC_OVERRIDE", "NET_BIND_SERVICE")


@dataclass(frozen=True)
class ContainerSpec:
    """What a node container must look like.

    :ivar part: ``etcd``, ``registrator``, ``ambassador`` or a third party's; a host has one
        container of a part.
    :ivar role: what a host is that runs this: ``master`` or ``slave``; the watcher runs its start
        event again after a change of settings.
    :ivar command: follows the image's entry point, as with ``docker run``.
    :ivar entrypoint: instead of the image's own.
    :ivar network: ``bridge``, ``host``, ``container:<name>``, or a network's name.
    :ivar volumes: host path or volume name -> path in the container, with ``:ro`` when read-only.
    :ivar capabilities: beside Docker's usual ones; without any, it has :data:`FEW`, and no file
        can be written but in what is mounted.
    :ivar also: more of them, which change nothing else.
    :ivar pid_host: share the host's pid namespace.
    :ivar security: ``--security-opt`` values, as ``apparmor=unconfined``.
    :ivar exposed: TCP ports.
    :ivar tmpfs: path in the container -> options of an empty directory in memory.
    :ivar docker: let it talk to this host's Docker. Not the socket is mounted but its directory: an
        engine that is started again, while containers live on, makes a new socket.
    :ivar stop_seconds: from SIGTERM to SIGKILL; 0 for what has nothing to do before it ends.
    """

    part: str
    name: str
    image: str
    command: tuple[str, ...]
    role: str = ""
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: str = "bridge"
    volumes: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    pid_host: bool = False
    security: tuple[str, ...] = ()
    exposed: tuple[int, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    docker: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 10


@dataclass(frozen=True)
class OwnContainer:
    """A container that carries :data:`PART_LABEL`.

    :ivar role: see :class:`ContainerSpec`.
    :ivar state: Docker's word: ``running``, ``exited``, ``created``, ``restarting``, ...
    :ivar image: as it was named when the container was created.
    :ivar started: Docker's time stamp of the last start (RFC 3339).
    :ivar given_up: why Docker could not start it again, as it should, and tries no more.
    """

    name: str
    part: str
    state: str
    image: str
    id: str
    started: str
    role: str = ""
    given_up: str = ""


def create_body(spec: ContainerSpec) -> dict[str, Any]:
    """Return the body of ``POST /containers/create`` for *spec*, both labels included."""
    env = dict(spec.env)
    if spec.docker:
        env["DOCKER_HOST"] = f"unix://{NODE_DIRECTORY}/{_socket().name}"
    body: dict[str, Any] = {
        "Image": spec.image,
        "Cmd": list(spec.command),
        "Env": [f"{name}={env[name]}" for name in sorted(env)],
        "ExposedPorts": {f"{port}/tcp": {} for port in sorted(spec.exposed)},
        "Labels": {**spec.labels, PART_LABEL: spec.part, ROLE_LABEL: spec.role},
        "StopTimeout": spec.stop_seconds,
        "HostConfig": {
            "Binds": [f"{source}:{spec.volumes[source]}" for source in sorted(spec.volumes)],
            "CapAdd": [*spec.capabilities, *spec.also],
            "CapDrop": [],
            "NetworkMode": spec.network,
            "PidMode": "host" if spec.pid_host else "",
            "RestartPolicy": {"Name": ALWAYS},
            "SecurityOpt": [*spec.security, NOTHING_MORE],
        },
    }
    if not spec.capabilities:  # then it needs no rights at all, and writes to what is mounted
        few = {"CapDrop": ["ALL"], "CapAdd": sorted({*FEW, *spec.also}), "ReadonlyRootfs": True}
        body["HostConfig"] |= few
    if spec.entrypoint:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.tmpfs:
        body["HostConfig"]["Tmpfs"] = dict(spec.tmpfs)
    if spec.docker:
        body["HostConfig"]["Mounts"] = [_socket_mount()]
    if spec.pid_host or spec.network == "host" or spec.docker:
        # with --userns-remap, Docker refuses the first two else, and the socket is nobody's there
        body["HostConfig"]["UsernsMode"] = "host"
    text = json.dumps([spec.name, body], sort_keys=True)
    body["Labels"][SPEC_LABEL] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return body


def state_volume(part: str) -> str:
    """Return the volume of what an agent keeps, which goes when its part is removed for good."""
    return f"arpanet_{part}_state"


def _socket() -> Path:
    """Return where the socket really is: its usual path may be a link."""
    return Path(os.path.realpath(SOCKET))


def _socket_mount() -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(_socket().parent),
        "Target": NODE_DIRECTORY,
        "ReadOnly": True,
        # what is mounted below, other containers' namespaces among it, would be kept alive
        "BindOptions": {"NonRecursive": True},
    }


def once_of(spec: ContainerSpec) -> dict[str, Any]:
    """Return the body of the create call for a one-shot container that is made like *spec*.

    But it has nothing of what an agent keeps, and so does not make that anew.
    """
    kept = state_volume(spec.part)
    spec = replace(spec, volumes={one: at for one, at in spec.volumes.items() if one != kept})
    body = create_body(spec)
    body["Labels"] = {ONCE_LABEL: str(os.getpid())}
    body["HostConfig"]["RestartPolicy"] = {"Name": "no"}
    return body


def once_body(
    image: str,
    argv: tuple[str, ...],
    network: str,
    volumes: Mapping[str, str],
    env: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the body of the create call for a one-shot container that runs exactly *argv*.

    Its label names this process: once that is gone, nobody will remove the container but
    :meth:`arpanet.docker.own.sweep`.
    """
    return {
        "Image": image,
        "Entrypoint": [argv[0]],
        "Cmd": list(argv[1:]),
        "Env": [f"{name}={env[name]}" for name in sorted(env)],
        "Labels": {ONCE_LABEL: str(os.getpid())},
        "HostConfig": {
            "Binds": [f"{source}:{volumes[source]}" for source in sorted(volumes)],
            "NetworkMode": network,
        },
    }
