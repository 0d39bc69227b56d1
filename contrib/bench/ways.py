"""The ways to one server that are compared: arpanet's planes, and what people use instead."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from arpanet_lab.host import Host

from contrib.bench import stage
from contrib.bench.bar import (
    AGAIN,
    HAPROXY,
    NFTABLES,
    OBSERVED,
    OVERLAY,
    PROXY,
    SAME_HOST,
    SAME_HOST_DIRECT,
    SOCKET,
)
from contrib.bench.client import CLIENTS, PORTS, SERVERS, Client, client, compiled, serving
from contrib.bench.figures import BASE

__all__ = ["CROWD", "prepare"]

log = logging.getLogger("arpanet.bench")

#: A second client of the proxy, which is not compared with any.
CROWD = "crowd"
PUBLISHED = tuple(range(10000, 10000 + len(PORTS)))
LINKS = ["--link", "arpanet_backends:backends"]
LINKS += [word for port in PORTS for word in ("-e", f"BACKEND_{port}=service{port}")]
#: The plane of each host: a host has one, so that blocks can take turns.
PLANES = ("socket", "socket", "nftables", "proxy")


def prepare(hosts: Sequence[Host], place: Path, stack: ExitStack) -> dict[str, Client]:
    """Start arpanet, the server on host1, and a client for each way, and :data:`CROWD`.

    :param place: a directory that all hosts have.
    """
    host1, host2, host3, host4 = hosts
    planes = {
        host.name: {"ARPANET_PLANE": plane} for host, plane in zip(hosts, PLANES, strict=True)
    }
    stage.arpanet(hosts, 1, planes)
    log.info("the server on host1, clients on the others")
    program = compiled(place)
    ports = [f"-p={one}:{port}" for one, port in zip(PUBLISHED, PORTS, strict=True)]
    named = [f"-e=SERVICE_{port}_NAME=service{port}" for port in PORTS]
    stage.run_container(host1, "server", *ports, *named)
    stack.enter_context(serving(host1, "server", program))
    busy = [(host1, "server"), (host4, "arpanet_backends")]

    def dials(
        host: Host,
        name: str,
        address: str = "",
        to: Sequence[int] = PORTS,
        options: Sequence[str] = (),
    ) -> Client:
        """Start a client; without *address*, of the ambassador's."""
        stage.run_container(host, name, *options)
        pinned(host, name, CLIENTS)
        if not address:
            address = inspect(host, "arpanet_backends", "{{.NetworkSettings.IPAddress}}")
        busy.append((host, name))
        return stack.enter_context(client(host, name, program, address, to))

    pinned(host4, "arpanet_backends_agent", CLIENTS)
    ways = {
        BASE: dials(host2, "direct", host1.ip, PUBLISHED),
        AGAIN: dials(host2, "again", host1.ip, PUBLISHED),
        SOCKET: dials(host2, "socket", options=LINKS),
        OBSERVED: dials(host2, "observed", host1.ip, PUBLISHED, LINKS),
        NFTABLES: dials(host3, "nftables", options=LINKS),
        PROXY: dials(host4, "proxy", options=LINKS),
        CROWD: dials(host4, "crowd", options=LINKS),
        HAPROXY: dials(host2, "haproxy", haproxy(host2, host1.ip)),
        SAME_HOST_DIRECT: dials(host1, "beside", host1.ip, PUBLISHED),
        SAME_HOST: dials(host1, "local", options=LINKS),
    }
    address, task = overlay(host1, host2)
    stack.enter_context(serving(host1, task, program))
    ways[OVERLAY] = dials(host2, "overlay", address, options=["--network", "overlay"])
    for host, name in (*busy, (host1, task), (host2, "balancer")):
        stage.free_ports_soon(host, name)
    return ways


def inspect(host: Host, name: str, template: str) -> str:
    """Return what Docker says of a container."""
    return stage.docker(host, "inspect", "-f", template, name)


def pinned(host: Host, name: str, processor: int) -> None:
    """Give a container one processor."""
    stage.docker(host, "update", "--cpuset-cpus", str(processor), name)


def haproxy(host: Host, server: str) -> str:
    """Start HAProxy as ambassadord was used: a hop on the client's host; return its address."""
    text = "global\n  maxconn 4096\ndefaults\n  mode tcp\n"
    text += "  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
    for port, published in zip(PORTS, PUBLISHED, strict=True):
        text += f"listen port-{port}\n  bind :{port}\n  server one {server}:{published}\n"
    path = Path(host.home, "haproxy.cfg")
    path.write_text(text)
    config = ("-v", f"{path}:/haproxy.cfg:ro")
    run = "haproxy -f /haproxy.cfg"
    address = stage.run_container(host, "balancer", *config, image="haproxy", run=run)
    pinned(host, "balancer", CLIENTS)
    return address


def overlay(host1: Host, host2: Host) -> tuple[str, str]:
    """Make a Swarm of two hosts, with a service on *host1*; return its task's address and name."""
    stage.docker(host1, "swarm", "init", "--advertise-addr", host1.ip)
    token = stage.docker(host1, "swarm", "join-token", "-q", "worker")
    stage.docker(host2, "swarm", "join", "--token", token, f"{host1.ip}:2377")
    stage.docker(host1, "network", "create", "-d", "overlay", "--attachable", "overlay")
    service = ["--name", "swarm", "--network", "overlay", "--endpoint-mode", "dnsrr"]
    service += ["--no-resolve-image", "--constraint", "node.role==manager"]
    stage.docker(host1, "service", "create", *service, stage.IMAGE, "sleep", "infinity")
    task = stage.docker(host1, "ps", "-q", "--filter", "label=com.docker.swarm.service.name=swarm")
    pinned(host1, task, SERVERS)
    template = "{{.NetworkSettings.Networks.overlay.IPAddress}}"
    return inspect(host1, task, template), task
