"""What the agents of a host with many containers cost while nothing happens, and the masters.

``python -m contrib.bench.idling``; see README.md beside this file.
"""

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from arpanet_lab.containers import Processes
from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.figures import markdown
from contrib.bench.moments import PORT, server

log = logging.getLogger("arpanet.bench")

#: Of a core, in percent, what each agent may take; keepalives of a host in a third of its TTL;
#: what the masters may have to agree on.
BAR, KEEPALIVES, PROPOSALS = 0.5, 1.0, 0
AGENTS = ("arpanet_registrator", "arpanet_backends_agent", "arpanet_master")
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
            took, counted = measure(hosts, options.seconds)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    rows = [(name, f"{share:.2f} %") for name, share in took.items()]
    third = len(hosts) * options.seconds / (TTL / 3)
    alive = counted["keepalives"] / third
    rows.append(("keepalives of a host in a third of its TTL", f"{alive:.2f}"))
    rows.append(("proposals of the masters meanwhile", f"{counted['proposals']:.0f}"))
    head = f"{options.containers} containers, {options.seconds:.0f} s, load {stage.load()}"
    print(markdown((head, "of a core"), rows))
    fine = max(took.values()) < BAR and counted["proposals"] <= PROPOSALS
    return 0 if fine and counted["keepalives"] <= KEEPALIVES * third + len(hosts) else 1


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
    time.sleep(15)  # what starts brings about is over


def measure(hosts: Sequence[Host], seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return each agent's share of a core, in percent, and what the masters counted meanwhile."""
    host1 = hosts[0]
    agents = {name: Processes(host1, name) for name in AGENTS}
    before, at = {name: _seconds(one.pids()) for name, one in agents.items()}, time.monotonic()
    counted = _counters(host1)
    time.sleep(seconds)
    now = _counters(host1)
    past = time.monotonic() - at
    took = {n: 100 * (_seconds(one.pids()) - before[n]) / past for n, one in agents.items()}
    return took, {name: now[name] - counted[name] for name in now}


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
