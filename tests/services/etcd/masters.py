"""Masters as plain processes, each on a loopback address of its own."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import flags, health, peers, wal
from arpanet_etcd.masters.joining import Joiner
from arpanet_etcd.masters.plan import Own
from arpanet_etcd.masters.wal import Identity

from arpanet import Progress
from arpanet.errors import EngineError
from tests.conftest import wait_for
from tests.support.loopback import free_address
from tests.support.processes import with_its_parent


def etcd_version() -> flags.Version:
    said = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=True)
    return flags.version(said.stdout)


@dataclass
class Master:
    """A :class:`arpanet_etcd.masters.joining.Machine`, and what a test does to it."""

    own: Own
    place: Path
    words: list[str] = field(default_factory=list)
    argv: list[str] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    program: str = "etcd"

    # -- as a machine ----------------------------------------------------------------------------

    def data(self) -> Identity | None:
        logs = sorted((self.place / "data/member/wal").glob("*.wal"))
        return wal.identity(logs[0].read_bytes()[: wal.HEAD]) if logs else None

    def command(self) -> list[str]:
        return self.argv

    def start(self, formation: Sequence[str]) -> None:
        words = flags.command(self.own, etcd_version(), formation, data=str(self.place / "data"))
        argv = [self.program, *words[1:]]
        if self.running and argv == self.argv:
            return
        self.stop()
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(with_its_parent(argv), stdout=log, stderr=log)
        self.argv = argv
        self.starts += 1
        # as with a container: one that ends at once has not been started
        with suppress(pytest.fail.Exception):
            wait_for(lambda: peers.answers(self.own.peer_url) or not self.running, 1)
        self.check()

    def wipe(self) -> None:
        self.stop()
        shutil.rmtree(self.place / "data", ignore_errors=True)

    def check(self) -> None:
        if not self.running:
            raise EngineError((self.place / "log").read_text().splitlines()[-1])

    # -- for tests -------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.running:
            self.process.send_signal(sign)
            self.process.wait(60)

    def cut(self) -> None:
        self.stop(signal.SIGKILL)

    def lose_data(self) -> None:
        self.cut()
        self.wipe()

    @property
    def progress(self) -> Progress:
        return Progress(self.words.append)

    @property
    def joiner(self) -> Joiner:
        return Joiner(self.own, self, "/arpanet/join", self.progress)

    @property
    def gateway(self) -> Gateway:
        return Gateway([self.own.client_url])

    def boot(self) -> None:
        self.start(flags.initial({self.own.name: self.own.peer_url}, "test"))
        health.wait(self.own, self.check, self.progress)

    def members(self) -> dict[str, bool]:
        """Name -> whether it votes."""
        return {m.name: not m.learner for m in self.gateway.member_list()}

    def settled(self, *names: str) -> None:
        wait_for(lambda: self.members() == dict.fromkeys(names, True), 15)


MakeMasters = Callable[[int], list[Master]]


@pytest.fixture
def masters(tmp_path: Path) -> Iterator[MakeMasters]:
    """Make masters h1, h2, ...; none of them runs yet."""
    made: list[Master] = []

    def make(count: int) -> list[Master]:
        for _ in range(count):
            number = len(made) + 1
            place = tmp_path / f"h{number}"
            place.mkdir()
            made.append(Master(Own(f"h{number}", free_address(), 4001, 7001), place))
        return made[-count:]

    yield make
    for one in made:
        one.lose_data()
