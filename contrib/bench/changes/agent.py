"""The ambassador's agent, whole but for its Docker: says what each turn took of its thread.

``python -m contrib.bench.changes.agent PLACE PLANE THREAD...``, with its settings in the
environment. Each line of its input is a command, each line of its output what a turn took, as JSON.
It holds what an agent holds, so nothing else may be imported here.
"""

import gc
import importlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arpanet_ambassador.ambassador import Ambassador
from arpanet_ambassador.planes.socket.host import Host
from arpanet_etcd.registry import registry

from arpanet import Container, Context, Snapshot, events, plugins, settings, statusfile
from arpanet.agent.container import HEAP
from arpanet.agent.loop import Agent

#: Seconds that pass, by the ambassador's clock, before everything is compared with the kernel.
CHECK = 30.0
AMBASSADOR = "arpanet_backends"
Containers = Mapping[str, Container]


class Machine(Host):
    """This machine, with a bpffs of the benchmark's own."""

    def __init__(self, place: Path) -> None:
        super().__init__(os.getpid())
        self._place = place

    def mounted_bpffs(self) -> Path:
        """Return where it is."""
        return self._place


class Still:
    """Dials nothing: the instances' addresses may be somebody's."""

    silent: frozenset[tuple[str, int]] = frozenset()
    gone: frozenset[tuple[str, int]] = frozenset()

    def want(self, *_: object) -> None:
        """Leave all of them alone."""


class Steady:
    """Follows what never is in trouble."""

    trouble = ""

    def close(self) -> None:
        """Nothing is open."""


class Docker:
    """Stands for Docker, with the ambassador's container and a client for each of *threads*.

    :ivar told: what the agent was told last.
    """

    id = "engine"

    def __init__(self, threads: list[int]) -> None:
        own = Container("own", AMBASSADOR, "arpanet", 0, "t", networks={"bridge": "172.17.0.2"})
        clients = [_client(number, pid) for number, pid in enumerate(threads)]
        self._containers = {one.id: one for one in (own, *clients[:-1])}
        self._spare = clients[-1]
        self._notify: Callable[[Containers], None] = lambda containers: None
        self.told: Containers = {}

    def follow(self, notify: Callable[[Containers], None], _every: float) -> Steady:
        """Tell *notify* what runs, now and when it is told to."""
        self._notify = notify
        self.tell()
        return Steady()

    def tell(self) -> None:
        """Tell what runs."""
        self.told = dict(self._containers)
        self._notify(self.told)

    def start(self) -> None:
        """Have a client start, or end."""
        if not self._containers.pop(self._spare.id, None):
            self._containers[self._spare.id] = self._spare
        self.tell()

    def revive(self) -> Steady:
        """Have nothing to start."""
        return Steady()

    def networks(self) -> tuple[()]:
        """Know of no network that is special."""
        return ()

    def inspect(self, _name: str) -> dict[str, Any]:
        """Know of no container."""
        return {}

    def close(self) -> None:
        """Nothing is open."""


def _client(number: int, pid: int) -> Container:
    return Container(
        f"{number:064x}",
        f"client{number}",
        "client",
        pid,
        "t",
        networks={"bridge": f"172.18.{number // 250}.{3 + number % 250}"},
        env={"PATH": "/bin", "HOME": "/", f"BACKEND_{80}": f"service{40 + number % 20}"},
        labels={
            "connect.6379": "service0",
            "connect.cache:6379": f"service{20 + number % 20}",
            "com.docker.compose.project": "bench",
        },
    )


class Timed(Agent):
    """Says what each turn took that was made for news."""

    def __init__(self, context: Context, docker: Docker) -> None:
        super().__init__(context)
        self._docker = docker

    def services(self, after: Snapshot) -> None:
        """Say also how many instances there are."""
        began = time.thread_time()
        super().services(after)
        say(turn="services", seconds=time.thread_time() - began, instances=len(after.instances))

    def containers(self, after: Containers) -> None:
        """Say nothing where it was woken, and Docker has no news."""
        began = time.thread_time()
        super().containers(after)
        if after is self._docker.told:
            say(turn="containers", seconds=time.thread_time() - began)


def say(**what: object) -> None:
    """Answer."""
    print(json.dumps(what), flush=True)


def as_agent() -> None:
    """Begin anew as agents' containers have it begin, unless that was done."""
    if HEAP.items() - os.environ.items():
        argv = [sys.executable, "-m", "contrib.bench.changes.agent", *sys.argv[1:]]
        os.execve(argv[0], argv, {**os.environ, **HEAP})  # noqa: S606 -- no shell


def main(place: str, plane: str, *threads: str) -> None:
    """Be an agent until the input ends."""
    gc.disable()  # as arpanet.agent.process has it until the start is over
    importlib.import_module("arpanet.docker.engine")  # what is simulated here is in memory there
    registry.STATE = statusfile.RUN = Path(place)
    logging.basicConfig(filename=os.devnull, level=logging.INFO)  # part of what a change costs
    manager, _ = plugins.load("ambassador")
    bus = events.Bus(manager)
    found = settings.load(settings.declared(bus))
    context = Context(found, bus, logging.getLogger("arpanet").info, "ambassador")
    docker = Docker([int(one) for one in threads])
    vars(context)["engine"] = docker
    passed = [0.0]
    ambassador = Ambassador(
        context,
        AMBASSADOR,
        plane,
        lambda home: True,
        lambda: passed[0],
        Machine(Path(place, "bpf")),
    )
    ambassador.flows.prober = Still()  # type: ignore[assignment]
    manager.get_plugin("ambassador")._ambassador = ambassador
    agent = Timed(context, docker)

    def obey() -> None:
        for line in sys.stdin:
            if line.strip() == "start":
                docker.start()
            elif line.strip() == "check":
                passed[0] += CHECK
                docker.tell()
            else:
                plan = ambassador.plan
                leading = sum(bool(plan.ways[n].targets) for n in plan.ground.indices)
                say(turn="look", links=len(plan.ground.links), leading=leading)
        agent.stop()

    threading.Thread(target=obey, daemon=True).start()
    agent.run()
    for one in ambassador.chain.planes:
        one.clear([])
    context.close()


if __name__ == "__main__":
    as_agent()
    main(*sys.argv[1:])
