"""Accidents to masters; each begins with its block and ends after it."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from arpanet import ArpanetError, Identity
from arpanet_lab.cluster import everywhere, form_masters
from arpanet_lab.containers import Processes, frozen
from arpanet_lab.drills.faults import masters_cut_off
from arpanet_lab.drills.site import AGENT, ETCD, REGISTRATOR, Site
from arpanet_lab.holding import wait_until
from arpanet_lab.host import Host

__all__ = [
    "compacted_meanwhile",
    "leader_frozen",
    "leaders",
    "masters_killed",
    "no_space",
    "quorum_lost",
    "restored",
    "rolled_back",
    "second_cluster",
    "wiped",
]

_CLIENT_PORT, _PEER_PORT = 4001, 7001
#: A member's volume, below a host's Docker data; its data in there; where the container has it.
_VOLUME, _DATA, _MOUNT = "volumes/arpanet_etcd_data/_data", "data", "/var/lib/etcd"
_ANSWERS = 60.0


@contextmanager
def wiped(site: Site) -> Iterator[None]:
    """Take all masters away with all that they know; form the cluster anew."""
    everywhere(site.hosts, f"docker rm -f {ETCD}")
    everywhere(site.hosts, "docker volume rm arpanet_etcd_data")
    for host in site.hosts:
        (host.home / ".arpanet/cluster").unlink()  # what remembers that there was one
    yield
    form_masters(site.hosts)


@contextmanager
def masters_killed(site: Site) -> Iterator[None]:
    """Kill all masters at one moment, and start them again with their data."""
    everywhere(site.hosts, f"docker kill {ETCD}")
    yield
    _start(site.hosts)


@contextmanager
def restored(site: Site) -> Iterator[None]:
    """Lose all masters; restore all from a snapshot, since when an instance has moved."""
    first = site.hosts[0]
    kept = first.home / "snapshot"
    kept.unlink(missing_ok=True)
    first.run(["arpanet", "etcdctl", "snapshot", "save", str(kept)])
    snapshot = kept.read_bytes()
    site.move()
    everywhere(site.hosts, f"docker kill {ETCD}")
    yield
    members = ",".join(f"{host.name}=https://{host.ip}:{_PEER_PORT}" for host in site.hosts)
    with ThreadPoolExecutor(len(site.hosts)) as pool:
        list(pool.map(lambda host: _restore(host, snapshot, members), site.hosts))
    _start(site.hosts)


def _restore(host: Host, snapshot: bytes, members: str) -> None:
    """Make a member's data of a snapshot, with the tool that its etcd has."""
    volume = host.docker_data / _VOLUME
    shutil.rmtree(volume / _DATA)
    (volume / "snapshot").write_bytes(snapshot)
    image = host.run(["docker", "inspect", "-f", "{{.Config.Image}}", ETCD]).stdout.strip()
    for tool in ("etcdutl", "etcdctl"):  # from etcd 3.6 on only the first can do it
        command = ["docker", "run", "--rm", "-v", f"arpanet_etcd_data:{_MOUNT}", image, tool]
        command += ["snapshot", "restore", f"{_MOUNT}/snapshot", f"--data-dir={_MOUNT}/{_DATA}"]
        command += [f"--name={host.name}", f"--initial-cluster={members}"]
        command += [f"--initial-advertise-peer-urls=https://{host.ip}:{_PEER_PORT}"]
        done = host.run(command, check=False)
        if not done.returncode:
            return
    raise ArpanetError(f"{host.name} cannot restore a snapshot: {done.stderr.strip()[-300:]}")


@contextmanager
def rolled_back(site: Site) -> Iterator[None]:
    """Lose all masters; put back their disks as they were before an instance moved."""
    volumes = [host.docker_data / _VOLUME for host in site.hosts]
    with frozen(*(Processes(host, ETCD) for host in site.hosts)):  # as of one moment
        for volume in volumes:
            _copy(volume / _DATA, volume / "kept")
    site.move()
    everywhere(site.hosts, f"docker kill {ETCD}")
    yield
    for volume in volumes:
        shutil.rmtree(volume / _DATA)
        (volume / "kept").rename(volume / _DATA)
    _start(site.hosts)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--archive", str(source), str(target)], check=True, timeout=60)


@contextmanager
def second_cluster(site: Site) -> Iterator[None]:
    """Put a cluster of its own in the place of host3's master; restart the agents meanwhile.

    It has that host's certificate: by that alone nobody could tell.
    """
    host = site.hosts[2]
    config = json.loads(host.run(["docker", "inspect", ETCD]).stdout)[0]
    alone = f"--initial-cluster={host.name}=https://{host.ip}:{_PEER_PORT}"
    ours = ("--data-dir=", "--initial-cluster")
    words = [one for one in config["Config"]["Cmd"] if not one.startswith(ours)]
    host.run(["docker", "stop", ETCD])
    stranger = ["docker", "run", "-d", "--name", "stranger", "--network", "host"]
    for bind in config["HostConfig"]["Binds"]:
        if not bind.startswith("arpanet_etcd_data"):
            stranger += ["-v", bind]
    image = config["Config"]["Image"]
    host.run([*stranger, image, *words, "--data-dir=/tmp/stranger", alone])
    try:
        _answer([host])
        everywhere(site.hosts, f"docker restart -t 0 {REGISTRATOR} {AGENT}")
        yield
    finally:
        host.run(["docker", "rm", "-f", "-v", "stranger"])
        _start([host])


@contextmanager
def no_space(site: Site) -> Iterator[None]:
    """Let all masters refuse what needs space, as an etcd does whose quota is used up."""
    for host in site.hosts:
        member = _ask(host, "maintenance/status")["header"]["member_id"]
        alarm = {"action": "ACTIVATE", "alarm": "NOSPACE", "memberID": member}
        _ask(host, "maintenance/alarm", alarm)
    try:
        yield
    finally:
        site.hosts[0].run(["arpanet", "etcdctl", "alarm", "disarm"])


@contextmanager
def leader_frozen(site: Site) -> Iterator[None]:
    """Freeze the leader of the masters: it keeps its connections, and says nothing."""
    with frozen(*(Processes(host, ETCD) for host in leaders(site))):
        yield


@contextmanager
def quorum_lost(site: Site) -> Iterator[None]:
    """Freeze two of three masters."""
    with frozen(*(Processes(host, ETCD) for host in site.hosts[:2])):
        yield


@contextmanager
def compacted_meanwhile(site: Site) -> Iterator[None]:
    """Keep host3 from the other masters, and let these forget the history that it misses."""
    with masters_cut_off(site.hosts[2]):
        yield
        first = site.hosts[0]
        revision = _ask(first, "maintenance/status")["header"]["revision"]
        _ask(first, "kv/compaction", {"revision": revision, "physical": True})


def leaders(site: Site) -> list[Host]:
    """Return the host of the masters' leader; none, or more than one, while they elect another."""
    states = {host: _ask(host, "maintenance/status") for host in site.hosts}
    return [h for h, said in states.items() if said["leader"] == said["header"]["member_id"]]


# -- how -----------------------------------------------------------------------------------------


def _start(hosts: Sequence[Host]) -> None:
    """Start masters that have their data, and wait until they serve."""
    everywhere(hosts, f"docker start {ETCD}")
    _answer(hosts)


def _answer(hosts: Sequence[Host]) -> None:
    for host in hosts:
        if not wait_until(partial(_leads, host), _ANSWERS, pause=0.1):
            raise ArpanetError(f"the master on {host.name} does not answer")


def _leads(host: Host) -> bool:
    """Return whether a master knows of a leader."""
    try:
        return int(_ask(host, "maintenance/status")["leader"]) != 0
    except (urllib3.exceptions.HTTPError, KeyError):
        return False


def _ask(host: Host, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask a master, as itself, over the gateway of its v3 API.

    :raises urllib3.exceptions.HTTPError: it does not answer.
    """
    me = Identity(host.home / ".arpanet", host.name)
    pool = urllib3.PoolManager(ssl_context=me.client(), timeout=5, retries=False)
    url = f"https://{host.ip}:{_CLIENT_PORT}/v3"
    login = {"name": me.name, "password": me.password}
    said = pool.request("POST", f"{url}/auth/authenticate", json=login).json()
    headers = {"Authorization": said["token"]} if "token" in said else {}
    return pool.request("POST", f"{url}/{path}", json=body or {}, headers=headers).json()
