"""Accidents to agents, disks and wires; each begins with its block and ends after it."""

import errno
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.containers import Processes, frozen
from arpanet_lab.drills.site import AGENT, REGISTRATOR, Site
from arpanet_lab.host import Host

__all__ = [
    "agents_killed",
    "cut_off",
    "deafened",
    "disk_full",
    "docker_outlived",
    "docker_stopped",
    "drained",
    "full_disk",
    "lossy",
    "masters_cut_off",
    "masters_disks_full",
    "muted",
    "paused",
    "power_cut",
    "registrators_frozen",
    "slow",
    "slow_masters",
    "storm",
]

#: Where masters hear each other.
_PEERS = 7001
#: Seconds between two kills: an agent that is up for so long gets hardly anything done.
_KILL_EVERY = 0.25
#: What keeps a host from masters that it does not have itself. All other ports stay open.
_NO_MASTERS = """\
table inet drill {
    chain in { type filter hook prerouting priority -300;
        iifname "eth0" tcp dport { 4001, 7001 } drop
        iifname "eth0" tcp sport { 4001, 7001 } drop
    }
    chain out { type filter hook postrouting priority 300;
        oifname "eth0" tcp dport { 4001, 7001 } drop
        oifname "eth0" tcp sport { 4001, 7001 } drop
    }
}
"""


#: What keeps all words of others from a host, while they hear what it says.
_DEAF = """\
table inet drill {
    chain in { type filter hook prerouting priority -300; iifname "eth0" drop; }
}
"""
#: What keeps all words of a host from others, while it hears what they say.
_MUTE = """\
table inet drill {
    chain out { type filter hook postrouting priority 300; oifname "eth0" drop; }
}
"""
#: What loses one packet in ten, in each direction.
_LOSSY = """\
table inet drill {
    chain in { type filter hook prerouting priority -300;
        iifname "eth0" numgen random mod 10 == 0 drop
    }
    chain out { type filter hook postrouting priority 300;
        oifname "eth0" numgen random mod 10 == 0 drop
    }
}
"""
_CONFIG = "/etc/docker/daemon.json"
#: How many containers a storm starts, in so many rows at once.
_STORM, _ROWS = 200, 4


@contextmanager
def agents_killed(site: Site) -> Iterator[None]:
    """Kill all processes of both agents on all hosts, again and again."""
    agents = [Processes(host, name) for host in site.hosts for name in (REGISTRATOR, AGENT)]
    over = threading.Event()

    def kill() -> None:
        while not over.wait(_KILL_EVERY):
            for one in agents:
                one.send(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


@contextmanager
def registrators_frozen(site: Site) -> Iterator[None]:
    """Freeze the registrators of all hosts that serve: what keeps their entries alive."""
    with frozen(*(Processes(host, REGISTRATOR) for host in site.hosts)):
        yield


@contextmanager
def disk_full(site: Site) -> Iterator[None]:
    """Fill the disk of a host's Docker to the last byte: of the one where an instance will stop."""
    with full_disk(site.hosts[site.at]):
        yield


@contextmanager
def masters_disks_full(site: Site) -> Iterator[None]:
    """Fill the disks of two of three masters: that one, and the one where no instance moves to."""
    with full_disk(site.hosts[site.at]), full_disk(site.hosts[2]):
        yield


@contextmanager
def full_disk(host: Host) -> Iterator[None]:
    """Fill the disk of a host's Docker to the last byte, for as long."""
    filler = host.docker_data / "filler"
    try:
        _fill(filler)
        yield
    finally:
        filler.unlink()


def _fill(path: Path) -> None:
    """Make a file that takes all the space that there is."""
    with path.open("wb", buffering=0) as file:
        size = 1 << 30
        while size:  # what is only set aside is as full, and costs no writing
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
            except OSError as problem:
                if problem.errno != errno.ENOSPC:
                    raise
                size >>= 1


@contextmanager
def cut_off(site: Site) -> Iterator[None]:
    """Partition host1, with its instances, its clients and its master, from the others."""
    site.lab.cut("host1")
    try:
        yield
    finally:
        site.lab.heal("host1")


@contextmanager
def deafened(site: Site) -> Iterator[None]:
    """Let host1 hear nobody: a partition in one direction, which breaks what goes in both."""
    with _between(site.hosts[0], _DEAF):
        yield


@contextmanager
def muted(site: Site) -> Iterator[None]:
    """Let nobody hear host1: the same, in the other direction."""
    with _between(site.hosts[0], _MUTE):
        yield


@contextmanager
def lossy(site: Site) -> Iterator[None]:
    """Lose a tenth of what host1 says, and of what it is told."""
    with _between(site.hosts[0], _LOSSY):
        yield


@contextmanager
def slow(site: Site) -> Iterator[None]:
    """Have all that host1 says and hears be 0.2 seconds late, give or take a quarter of that."""
    with site.lab.slowed("host1", 0.2, 0.05):
        yield


@contextmanager
def slow_masters(site: Site) -> Iterator[None]:
    """Have all that masters say to each other be half as late: a quarter of it at each end.

    A change takes them a round trip or two until all know it.
    """
    with ExitStack() as stack:
        for host in site.hosts:
            stack.enter_context(site.lab.slowed(host.name, 0.05, 0.0125, _PEERS))
        yield


@contextmanager
def power_cut(site: Site) -> Iterator[None]:
    """Have host2 lose its power, with its instances and its master."""
    site.lab.kill("host2")
    try:
        yield
    finally:
        site.lab.start("host2")


@contextmanager
def docker_stopped(site: Site) -> Iterator[None]:
    """Stop Docker on host2 as a service manager would, and all containers with it."""
    host = site.lab.host("host2")
    host.stop_docker()
    try:
        yield
    finally:
        host.start_docker()


@contextmanager
def docker_outlived(site: Site) -> Iterator[None]:
    """Stop Docker on host2 with live-restore: all containers go on without it."""
    host = site.lab.host("host2")
    before = host.run(["cat", _CONFIG], check=False).stdout or "{}"
    _live_restore(host, before, True)
    try:
        host.stop_docker()
        yield
    finally:
        host.start_docker()
        _live_restore(host, before, False)
        host.run(["tee", _CONFIG], input=before)


def _live_restore(host: Host, config: str, on: bool) -> None:
    """Have Docker, as it runs, take it from its configuration: what lacks there stays as it is."""
    host.run(["tee", _CONFIG], input=json.dumps(json.loads(config) | {"live-restore": on}))
    host.run(["sh", "-c", "kill -HUP $(cat /run/docker.pid)"])
    deadline = time.monotonic() + 20
    told = ["docker", "info", "-f", "{{.LiveRestoreEnabled}}"]
    while host.run(told).stdout.strip() != str(on).lower():
        if time.monotonic() > deadline:
            raise ArpanetError(f"{host.name}: Docker does not read {_CONFIG} again")
        time.sleep(0.1)


@contextmanager
def storm(site: Site) -> Iterator[None]:
    """Start 200 services on host2, as fast as it goes and for as long, and remove them."""
    host = site.lab.host("host2")
    one = "docker run -d --name storm$n -e SERVICE_NAME=storm -p $n:80 busybox sleep 1000000"
    # whoever is killed leaves a Docker that goes on to start one more
    over = "/run/storm-is-over"
    each = f"[ -e {over} ] && break; {one}"
    host.run(["rm", "-f", over])
    rows = [
        host.popen(
            ["sh", "-c", f"for n in $(seq {begin} {_ROWS} {begin + _STORM - 1}); do {each}; done"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for begin in range(20000, 20000 + _ROWS)
    ]
    try:
        yield
    finally:
        host.run(["touch", over])
        for row in rows:
            row.wait(60)
        host.run(["sh", "-c", "docker rm -f $(docker ps -aq --filter name=^storm)"], timeout=300)


@contextmanager
def paused(site: Site) -> Iterator[None]:
    """Pause the instance on host2: its kernel goes on taking connections for it."""
    host = site.lab.host("host2")
    host.run(["docker", "pause", "redis"])
    try:
        yield
    finally:
        host.run(["docker", "unpause", "redis"])


@contextmanager
def drained(site: Site) -> Iterator[None]:
    """Drain the instance on host2 by hand; clients hold on to it, so nobody waits for them."""
    host = site.lab.host("host2")
    host.run(["arpanet", "drain", "redis", "--timeout", "1"], check=False)
    try:
        yield
    finally:
        host.run(["arpanet", "drain", "redis", "--undo"])


@contextmanager
def masters_cut_off(host: Host) -> Iterator[None]:
    """Let nothing pass between a host and the masters on others; all else passes."""
    with _between(host, _NO_MASTERS):
        yield


@contextmanager
def _between(host: Host, table: str) -> Iterator[None]:
    """Have the table ``drill`` between a host and all others, for as long."""
    _nft(host, table)
    try:
        yield
    finally:
        _nft(host, "delete table inet drill\n")


def _nft(host: Host, commands: str) -> None:
    inside = ["nsenter", "--target", str(host.pid), "--net", "nft", "-f", "-"]
    subprocess.run(inside, input=commands, text=True, check=True, timeout=20)
