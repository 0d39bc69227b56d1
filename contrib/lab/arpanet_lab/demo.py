"""``arpanet lab demo``: the main job on three real hosts, step by step, with the times it took.

Everything goes through the same commands that a person would type. What is checked raises when it
does not hold, so a demo that ends well is a test that passed.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from arpanet import ArpanetError, Progress
from arpanet_lab.host import Host
from arpanet_lab.lab import Lab

__all__ = ["Demo", "carried"]

REDIS = ("redis-server", "redis-cli")
SERVE = "docker run -d --name redis -p 10000:6379 redis redis-server --protected-mode no"
#: A second service, by the same port as the first.
QUEUE = (
    "docker run -d --name queue -p 10001:6379 -e SERVICE_NAME=queue "
    "redis redis-server --protected-mode no"
)
#: A client that is over with its first answer, and dials both.
ONCE = (
    "docker run --rm --label connect.cache:6379=redis --label connect.queue:6379=queue "
    "redis redis-cli"
)
#: How many of them are run.
TIMES = 5
#: Seconds that a command may take; packing images on three hosts at once is the longest.
PATIENCE = 180.0


class Demo:
    """One run.

    :param say: prints one line.
    :param progress: shows what is waited for.
    """

    def __init__(self, say: Callable[[str], None], progress: Progress, lab: str = "demo") -> None:
        self.lab = Lab(lab)
        self._say, self._progress = say, progress
        self._times: list[tuple[str, float]] = []
        self._hosts: list[Host] = []
        self._inside: list[str] = []

    def run(self) -> None:
        """Run it all; what it made is taken down again however it ends."""
        began = time.monotonic()
        self.lab.down()  # of a run that was interrupted
        try:
            self._step(
                "three hosts, each with its own network, disk and dockerd", self._raise_hosts
            )
            self._step("install arpanet's images on each", self._install)
            self._step("three masters form one etcd cluster", self._masters)
            self._step("three slaves: registrator and ambassador", self._slaves)
            self._step("redis on host1, a client on host3: they find each other", self._link)
            self._step("clients of one question, and two services with one port", self._once)
            self._step("redis moves from host1 to host2: the link follows", self._move)
            self._step("every arpanet container on host3 is killed: the link stays", self._kill)
        finally:
            self._say("taking everything down")
            with self._progress("taking everything down"):
                self.lab.down()
        self._say("")
        for what, seconds in self._times:
            self._say(f"{seconds:7.1f} s  {what}")
        self._say(f"{time.monotonic() - began:7.1f} s  in all, with taking it down")

    # -- the steps -------------------------------------------------------------------------------

    def _raise_hosts(self) -> None:
        self.lab.up(3)
        self._hosts = self.lab.hosts
        addresses = ",".join(host.ip for host in self._hosts)
        for host in self._hosts:
            self._say(f"    {host.name} is {host.ip}")
            rc = host.home / ".arpanetrc"
            rc.write_text(f"export ARPANET_IP={host.ip}\nexport ARPANET_MASTERS={addresses}\n")
            rc.chmod(0o600)
        self.lab.load_programs("redis", REDIS)

    def _install(self) -> None:
        for role in ("core", "master", "slave"):
            self._everywhere(["arpanet", "install", role])

    def _masters(self) -> None:
        first, *others = self._hosts
        self._type(first, "arpanet master start --peers boot")
        for host in others:
            line = self._type(first, "arpanet token create --role master")
            self._type(host, line.strip())
            self._type(host, f"arpanet master start --peers {first.ip}:7001")
        names = re.findall(r'"name": "(\w+)"', self._type(self._hosts[2], "arpanet hosts"))
        self._expect(sorted(names) == ["host1", "host2", "host3"], f"masters: {names}")

    def _slaves(self) -> None:
        self._everywhere(["arpanet", "slave", "start"])

    def _link(self) -> None:
        host1, _, host3 = self._hosts
        self._type(host1, SERVE)
        self._type(
            host3,
            "docker run -d --name client --label connect.6379=redis redis redis-server --port 7000",
        )
        # as an app there would: without the half second that Docker's exec takes
        pid = host3.run(["docker", "inspect", "-f", "{{.State.Pid}}", "client"]).stdout.strip()
        self._inside = ["nsenter", "-t", pid, "-m", "-n"]
        self._until(
            lambda: self._redis("set", "where", "host1") == "OK", "the client reaches redis"
        )
        self._type(host3, "docker exec client redis-cli -h redis get where", show=True)
        self._type(host3, "arpanet links", show=True)
        self._say(f"    {carried(self._links())}")
        if all(row["plane"] == "socket" for row in self._links()):
            self._until(
                lambda: any(row["made"] for row in self._links()), "connections are counted"
            )
            self._type(host3, "arpanet flows", show=True)

    def _once(self) -> None:
        _, host2, host3 = self._hosts
        self._type(host2, QUEUE)
        self._type(host3, "arpanet wait queue")
        said = self._type(host3, f"{ONCE} -h queue set what jobs", show=True)
        self._expect(said.strip() == "OK", f"queue:6379 leads to the queue (it said {said!r})")
        for _ in range(TIMES):
            said = self._type(host3, f"{ONCE} -h cache get where", show=True)
            self._expect(said.strip() == "host1", f"cache:6379 leads to redis (it said {said!r})")
        self._say(f"    {TIMES + 1} of {TIMES + 1}, each in its first instruction")

    def _move(self) -> None:
        host1, host2, _ = self._hosts
        self._type(host1, "docker rm -f redis")
        gone = time.monotonic()
        self._type(host2, SERVE)
        self._until(lambda: self._redis("set", "where", "host2") == "OK", "the link follows")
        self._say(
            f"    {time.monotonic() - gone:.2f} s from 'gone' on host1 to an answer from host2"
        )
        self._type(self._hosts[2], "docker exec client redis-cli -h redis get where", show=True)

    def _kill(self) -> None:
        host3 = self._hosts[2]
        command = [*self._inside, "redis-cli", "-h", "redis"]
        with host3.popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as open_:
            assert open_.stdin and open_.stdout  # noqa: S101  (for the type checker)
            before = self._converse(open_.stdin, open_.stdout)
            self._type(host3, "docker kill $(docker ps -q --filter label=arpanet.part)")
            after = self._converse(open_.stdin, open_.stdout)
            open_.stdin.close()
        self._expect(before == after == "host2", "the open connection stays open")
        self._say("    the connection that was open goes on")
        fresh = self._redis("get", "where")
        self._expect(fresh == "host2", f"a new connection works (the answer: {fresh!r})")
        self._say("    a new connection works")

    @staticmethod
    def _converse(stdin: IO[str], stdout: IO[str]) -> str:
        stdin.write("get where\n")
        stdin.flush()
        return stdout.readline().strip()

    # -- how -------------------------------------------------------------------------------------

    def _step(self, what: str, action: Callable[[], None]) -> None:
        self._say(f"\n== {what}")
        began = time.monotonic()
        with self._progress(what):
            action()
        self._times.append((what, time.monotonic() - began))

    def _type(self, host: Host, line: str, show: bool = False) -> str:
        """Run what a person would type; show its output when it is the point."""
        self._say(f"{host.name}$ {line}")
        output = host.run(["sh", "-c", line], timeout=PATIENCE).stdout
        if show:
            for text in output.splitlines():
                self._say(f"    {text}")
        return output

    def _everywhere(self, command: Sequence[str]) -> None:
        """Run a command on all hosts at the same time."""
        self._say(f"host1, host2, host3$ {' '.join(command)}")
        running = [
            host.popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for host in self._hosts
        ]
        for host, process in zip(self._hosts, running, strict=True):
            words = process.communicate(timeout=PATIENCE)[1]
            self._expect(process.returncode == 0, f"{host.name}: {words.strip()}")

    def _links(self) -> Sequence[Mapping[str, Any]]:
        """Return what host3 says of its links."""
        found: Sequence[Mapping[str, Any]] = json.loads(
            self._hosts[2].run(["arpanet", "links", "-f", "json"], timeout=PATIENCE).stdout
        )
        return found

    def _redis(self, *words: str) -> str:
        """Ask redis from inside the client on host3, through its link; "" without an answer."""
        with suppress(subprocess.TimeoutExpired):
            command = [*self._inside, "redis-cli", "-h", "redis", *words]
            return self._hosts[2].run(command, check=False, timeout=5).stdout.strip()
        return ""

    def _until(self, condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self._expect(time.monotonic() < deadline, f"{what} within {seconds:.0f} s")
            time.sleep(0.02)

    @staticmethod
    def _expect(holds: bool, what: str) -> None:
        if not holds:
            raise _failed(what)


def carried(links: Iterable[Mapping[str, Any]]) -> str:
    """Return what carries *links*, in one line: the socket plane, or what else and why.

    :param links: as ``arpanet links -f json`` has them.
    :raises ArpanetError: there is none, or one that nothing carries, or that does not say why not
        the socket plane.
    """
    every = list(links)
    if not every:
        raise _failed("the client has no link")
    others = []
    for one in every:
        name = f"{one['client']} ({one['dials']})"
        if one["error"] or not one["plane"]:
            raise _failed(f"{name} leads nowhere: {one['error'] or 'nothing carries it'}")
        if one["plane"] != "socket":
            if not one["note"]:
                raise _failed(f"{name} is on the {one['plane']} plane, and nobody says why")
            others.append(f"{name} by the {one['plane']} plane, since {one['note']}")
    return "; ".join(others) or "the kernel itself exchanges the address, when the app connects"


def _failed(what: str) -> ArpanetError:
    return ArpanetError(f"the demo failed: {what}", "run it again with --debug")
