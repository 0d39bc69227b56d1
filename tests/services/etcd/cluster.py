"""Real etcd processes on loopback, and what can happen to them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arpanet_etcd.client.gateway import Gateway

from arpanet.errors import RegistryError
from tests.conftest import wait_for
from tests.support.loopback import free_address
from tests.support.processes import with_its_parent


def etcd_version() -> tuple[int, ...]:
    said = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[2].split("."))


@dataclass
class Member:
    name: str
    client: str
    peer: str
    place: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, cluster: str, flags: Sequence[str] = (), state: str = "new") -> None:
        with (self.place.with_suffix(".log")).open("ab") as log:
            self.process = subprocess.Popen(
                with_its_parent(["etcd", *flags]),
                env={**os.environ, **self.environment(cluster, state)},
                stdout=log,
                stderr=log,
            )

    def environment(self, cluster: str, state: str) -> dict[str, str]:
        given = {
            "name": self.name,
            "data_dir": str(self.place),
            "listen_client_urls": self.client,
            "advertise_client_urls": self.client,
            "listen_peer_urls": self.peer,
            "initial_advertise_peer_urls": self.peer,
            "initial_cluster": cluster,
            "initial_cluster_state": state,
        }
        return {f"ETCD_{name.upper()}": value for name, value in given.items()}

    def signal(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut does it."""
        if self.process:
            self.process.kill()
            self.process.wait(60)

    def pause(self) -> None:
        """It stays connected, and says nothing."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)


class Cluster:
    """*size* members; they run until :meth:`close`."""

    def __init__(self, place: Path, size: int, v2: bool = False, flags: Sequence[str] = ()) -> None:
        self.members = [
            Member(f"m{number}", f"http://{ip}:2379", f"http://{ip}:2380", place / f"m{number}")
            for number, ip in enumerate(free_address() for _ in range(size))
        ]
        self._flags = [*(["--enable-v2"] if v2 else []), *flags]
        self.start()

    def start(self, *members: Member) -> None:
        cluster = ",".join(f"{one.name}={one.peer}" for one in self.members)
        for one in members or self.members:
            one.start(cluster, self._flags)
        wait_for(self.healthy)

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(one.client for one in self.members)

    @property
    def gateway(self) -> Gateway:
        return Gateway(self.endpoints)

    def healthy(self) -> bool:
        try:
            return self.gateway.put("/healthy", "yes") > 0
        except RegistryError:
            return False

    def leader(self) -> Member:
        gateway = self.gateway
        for one in self.members:
            status = gateway.status(one.client)
            if status["leader"] == status["header"]["member_id"]:
                return one
        raise AssertionError("no leader")

    def followers(self) -> list[Member]:
        leader = self.leader()
        return [one for one in self.members if one is not leader]

    def wipe(self, as_another: bool = False) -> None:
        """All data is lost; the same members begin anew, with the same cluster id or another."""
        self.close()
        if as_another:
            self._flags = [*self._flags, "--initial-cluster-token", "another"]
        self.start()

    def save(self, file: Path) -> None:
        """Save a snapshot of the first member's store."""
        self._etcdctl("--endpoints", self.endpoints[0], "snapshot", "save", str(file))

    def restore(self, file: Path) -> None:
        """Begin anew, all of a cluster of one, with what *file* holds."""
        (one,) = self.members
        self.close()
        formed = ("--initial-cluster", f"{one.name}={one.peer}", "--name", one.name)
        peers = ("--initial-advertise-peer-urls", one.peer)
        self._etcdctl(
            "snapshot", "restore", str(file), "--data-dir", str(one.place), *formed, *peers
        )
        self.start()

    def defragment(self) -> None:
        """Have the first member give free space back, and call its alarm off."""
        self._etcdctl("--endpoints", self.endpoints[0], "defrag")
        self._etcdctl("--endpoints", self.endpoints[0], "alarm", "disarm")

    def _etcdctl(self, *words: str) -> None:
        api = {**os.environ, "ETCDCTL_API": "3"}
        subprocess.run(["etcdctl", *words], env=api, capture_output=True, check=True, timeout=60)

    def close(self) -> None:
        for one in self.members:
            one.kill()
            shutil.rmtree(one.place, ignore_errors=True)
