"""Hosts to measure on: raised by the same commands that a person would type, always taken down."""

import logging
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arpanet_lab.cluster import let_in
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

from arpanet import ArpanetError

__all__ = [
    "IMAGE",
    "arpanet",
    "docker",
    "free_ports_soon",
    "hosts_of",
    "load",
    "run_container",
    "write_settings",
]

log = logging.getLogger("arpanet.bench")

#: One image with the server and all clients, so that no variant has other programs than another.
IMAGE = "bench"
PROGRAMS = ("sh", "sleep", "redis-server", "redis-cli", "redis-benchmark", "iperf3")
#: Seconds that a command may take; packing images on three hosts at once is the longest.
PATIENCE = 180.0
_PORTS = ("net.netfilter.nf_conntrack_tcp_timeout_time_wait=1", "net.ipv4.tcp_tw_reuse=1")


@contextmanager
def hosts_of(name: str, size: int, images: Sequence[str] = ()) -> Iterator[list[Host]]:
    """Have the hosts of a lab, with the image :data:`IMAGE` and those named.

    :raises ArpanetError: it does not start.
    """
    lab = Lab(name)
    lab.down()  # of a run that was interrupted
    log.info("%d hosts", size)
    try:
        lab.up(size)
        lab.load_programs(IMAGE, PROGRAMS)
        for image in images:
            lab.load_image(image)
        yield lab.hosts
    finally:
        lab.down()


def write_settings(host: Host, masters: Sequence[Host], **more: str) -> None:
    """Write ``~/.arpanetrc`` of *host*."""
    lines = {"ARPANET_IP": host.ip, "ARPANET_MASTERS": ",".join(one.ip for one in masters), **more}
    rc = host.home / ".arpanetrc"
    rc.write_text("".join(f"export {key}={value}\n" for key, value in lines.items()))
    rc.chmod(0o600)


def arpanet(hosts: Sequence[Host], masters: int, more: Mapping[str, Mapping[str, str]]) -> None:
    """Install and start arpanet: the first *masters* of *hosts* are masters, all are slaves.

    :param more: host name -> settings of that host alone.
    :raises ArpanetError: a command failed.
    """
    chosen = hosts[:masters]
    for host in hosts:
        write_settings(host, chosen, **more.get(host.name, {}))
    _everywhere(hosts, "arpanet install core")
    _everywhere(chosen, "arpanet install master")
    _everywhere(hosts, "arpanet install slave")
    _everywhere(chosen[:1], "arpanet master start --peers boot")
    for host in hosts[1:]:
        let_in(host, chosen[0], "master" if host in chosen else "slave")
    for host in chosen[1:]:
        _everywhere([host], f"arpanet master start --peers {chosen[0].ip}:7001")
    _everywhere(hosts, "arpanet slave start")


def _everywhere(hosts: Sequence[Host], line: str) -> None:
    """Run a command on several hosts at the same time.

    :raises ArpanetError: it failed on one.
    """
    log.info("%s: %s", ", ".join(host.name for host in hosts), line)
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    running = [(host, host.popen(line.split(), **pipes)) for host in hosts]
    for host, process in running:
        words = process.communicate(timeout=PATIENCE)[1]
        if process.returncode:
            raise ArpanetError(f"{host.name}: `{line}` failed: {words.strip()}")


def docker(host: Host, *words: str, timeout: float = 60.0) -> str:
    """Return what a ``docker`` command says.

    :raises ArpanetError: it failed.
    """
    return host.run(["docker", *words], timeout=timeout).stdout.strip()


def run_container(host: Host, name: str, *options: str, image: str = IMAGE, run: str = "") -> str:
    """Start a container; return its address on the default bridge.

    :param run: its command; else it does nothing, for ``docker exec``.
    """
    command = (run or "sleep infinity").split()
    named = ("-e", f"SERVICE_NAME={name}")  # not by the image, which is the same for all
    docker(host, "run", "-d", "--name", name, *named, *options, image, *command)
    return docker(host, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)


def free_ports_soon(host: Host, *containers: str) -> None:
    """Let ports be used again a second after their connection ended, on *host* and in *containers*.

    Clients that open thousands of connections per second, on and on, otherwise measure how full the
    tables of ended connections are: each masquerading host and each client has 28,000 ports, and
    keeps one for a minute or two.
    """
    pids = [docker(host, "inspect", "-f", "{{.State.Pid}}", name) for name in containers]
    for pid in ["1", *pids]:
        host.run(["nsenter", "--target", pid, "--net", "sysctl", "-q", "-w", *_PORTS])


def load() -> str:
    """Return the machine's load of the last minute, which a reader of figures should know."""
    return Path("/proc/loadavg").read_text().split()[0]
