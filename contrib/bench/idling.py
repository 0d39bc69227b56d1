"""What the agents of a host with many containers cost while nothing happens, and the masters.

``python -m contrib.bench.idling``; see README.md beside this file.
"""

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arpanet_lab.containers import Processes
from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.figures import markdown
from contrib.bench.moments import PORT, server

log = logging.getLogger("arpanet.bench")

#: Of a core, in percent, what each agent may take; its keepalives in a third of a TTL; what the
#: masters may have to agree on.
BAR, KEEPALIVES, PROPOSALS = 0.5, 1.0, 0
#: Container -> the leases that this agent keeps alive: of its host's entries, its own.
AGENTS = {
    "arpanet_registrator": ("host1", "host1 agent/registrator"),
    "arpanet_backends_agent": ("host1 agent/ambassador",),
    "arpanet_master": ("host1 agent/master",),
}
_LEASES = Path(__file__).with_name("leases.py")
#: ARPANET_TTL's default.
TTL = 15.0
_COUNTERS = {
    "proposals": r"(?m)^etcd_server_proposals_committed_total (\S+)",
    "keepalives": r'(?m)^grpc_server_msg_received_total\{[^}]*"LeaseKeepAlive"[^}]*\} (\S+)',
}
#: Asks an etcd as the host that this runs in.
_ASK = """\
import ssl, sys, urllib.request
tls = ssl.create_default_context(cafile=sys.argv[2] + "/ca.pem")
tls.load_cert_chain(sys.argv[2] + "/host.pem", sys.argv[2] + "/host.key")
print(urllib.request.urlopen(sys.argv[1] + "/metrics", context=tls, timeout=10).read().decode())
"""


def main() -> int:
    """Measure and print; return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.idling", description=__doc__)
    parser.add_argument("--containers", type=int, default=100, help="half of them clients")
    parser.add_argument("--seconds", type=float, default=90.0, help="that nothing happens")
    parser.add_argument("--lab", default="b-idling", help="the lab's name")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with stage.hosts_of(options.lab, 2) as hosts:
            stage.arpanet(hosts, masters=1, more={})
            fill(hosts, options.containers)
            found = measure(hosts, options.seconds)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    thirds = found.seconds / (TTL / 3)
    rows = [
        (name, f"{found.took[name]:.2f} %", _all(leases, found.leases, thirds))
        for name, leases in AGENTS.items()
    ]
    rows.append(("all leases, as seen and as etcd counted", "", _sums(found)))
    rows.append(("proposals of the masters meanwhile", "", f"{found.counted['proposals']:.0f}"))
    head = f"{options.containers} containers, {found.seconds:.0f} s, load {stage.load()}"
    print(markdown((head, "of a core", "keepalives in a third of a TTL"), rows))
    fine = max(found.took.values()) < BAR and found.counted["proposals"] <= PROPOSALS
    most = max(sum(found.leases[one] for one in leases) for leases in AGENTS.values())
    return 0 if fine and most <= KEEPALIVES * thirds + 1 else 1  # the first or last one may fall in


@dataclass(frozen=True)
class Found:
    """What there was in so many *seconds*.

    :ivar took: agent -> its share of a core, in percent.
    :ivar leases: lease -> its keepalives, as they were seen.
    :ivar counted: what etcd has counted of all.
    """

    seconds: float
    took: Mapping[str, float]
    leases: Mapping[str, int]
    counted: Mapping[str, float]


def _all(names: Sequence[str], leases: Mapping[str, int], thirds: float) -> str:
    return f"{sum(leases[one] for one in names) / thirds:.2f}"


def _sums(found: Found) -> str:
    return f"{sum(found.leases.values())}, {found.counted['keepalives']:.0f}"


def fill(hosts: Sequence[Host], count: int) -> None:
    """Have a redis on host2, and on host1 half servers, half clients of that; wait for the last."""
    host1, host2 = hosts
    stage.docker(host2, "run", "-d", *server())
    log.info("%d containers", count)

    def start(number: int) -> None:
        options = ("-p", str(PORT)) if number % 2 else ("--label", f"connect.{PORT}=redis")
        stage.run_container(host1, f"idle{number}", *options)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(count)))
    ask = ["docker", "exec", f"idle{(count - 1) // 2 * 2}", "redis-cli", "-p", str(PORT), "ping"]
    deadline = time.monotonic() + stage.PATIENCE
    while host1.run(ask, check=False).stdout.strip() != "PONG":
        if time.monotonic() > deadline:
            raise ArpanetError("the last client's link never worked")
        time.sleep(0.5)
    settle(host1, deadline)


def settle(master: Host, deadline: float) -> None:
    """Wait until the start is over: what comes last of it is the first snapshot, and its note.

    Nothing is written from then on for as long as a lease lives.

    :raises ArpanetError: the masters still write at the *deadline*.
    """
    written, since = -1.0, 0.0
    while time.monotonic() - since < TTL or not _snapshots(master):
        if time.monotonic() > deadline:
            raise ArpanetError("the start is not over", "what do the masters still write?")
        if (now := _counters(master)["proposals"]) != written:
            written, since = now, time.monotonic()
        time.sleep(0.5)


def _snapshots(master: Host) -> list[Path]:
    return list((master.home / ".arpanet/snapshots").glob("arpanet-*.db"))


def measure(hosts: Sequence[Host], seconds: float) -> Found:
    """Return what the agents of the first of *hosts*, and the masters, do in so many seconds."""
    host1 = hosts[0]
    agents = {name: Processes(host1, name) for name in AGENTS}
    piped: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    place = (f"https://{host1.ip}:4001", str(host1.home / ".arpanet/host"), host1.name)
    with host1.popen([sys.executable, "-I", str(_LEASES), *place], **piped) as looks:
        if looks.stdout.readline() != "ready\n":  # it has its token: another proposal
            raise ArpanetError("the leases can't be looked at")
        before, at = {name: _seconds(one.pids()) for name, one in agents.items()}, time.monotonic()
        counted = _counters(host1)
        time.sleep(seconds)
        now = _counters(host1)
        past = time.monotonic() - at
        took = {n: 100 * (_seconds(one.pids()) - before[n]) / past for n, one in agents.items()}
        leases = json.loads(looks.communicate()[0])
    return Found(past, took, leases, {name: now[name] - counted[name] for name in now})


def _seconds(pids: set[int]) -> float:
    """Return the processor time that these have had: ``utime`` and ``stime`` of proc(5)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _counters(host: Host) -> Mapping[str, float]:
    """Return etcd's own counters."""
    identity = str(host.home / ".arpanet/host")
    ask = [sys.executable, "-I", "-c", _ASK, f"https://{host.ip}:4001", identity]
    said = host.run(ask).stdout
    found = {name: re.findall(pattern, said) for name, pattern in _COUNTERS.items()}
    return {name: sum(map(float, values)) for name, values in found.items()}


if __name__ == "__main__":
    sys.exit(main())
