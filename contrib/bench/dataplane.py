"""What a link costs: redis and iperf3 over two hosts, by each way there is.

``python -m contrib.bench.dataplane``; see README.md beside this file.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from arpanet_lab.host import Host

from arpanet import ArpanetError
from contrib.bench import stage
from contrib.bench.bar import HAPROXY, NFTABLES, PROXY, SOCKET, meets_the_bar, report
from contrib.bench.client import Client
from contrib.bench.figures import BASE, Round
from contrib.bench.talk import shell

log = logging.getLogger("arpanet.bench")

REDIS, IPERF3 = 6379, 5201  # what clients dial
PUBLISHED = 10000, 10001
ALIAS = "backends"
LINKS = (
    f"--link arpanet_backends:{ALIAS} -e BACKEND_{REDIS}=redis -e BACKEND_{IPERF3}=iperf3".split()
)
#: The containers that work during the measurement, host by host.
BUSY = (
    ("redis", "iperf3"),
    ("direct", "socket", "haproxy", "balancer"),
    ("nftables",),
    ("proxy", "arpanet_backends"),
)
#: The plane of each of the clients' hosts: a host has one, so that rounds can take turns.
PLANES = ("socket", "nftables", "proxy")
#: What is measured in a lap; one of these, by all ways, is a round.
LAP = (
    Client.gets,
    Client.connections,
    Client.gets,
    Client.gets,
    Client.throughput,
    Client.gets,
    Client.connections,
    Client.gets,
)


def main() -> int:
    """Measure and print; return 1 when the socket plane is below the bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.dataplane", description=__doc__)
    parser.add_argument("--laps", type=int, default=10, help="each takes about 22 s")
    parser.add_argument("--lab", default="bench", help="the lab's name")
    parser.add_argument(
        "--pin", action="store_true", help="one processor for host1, one for others"
    )
    parser.add_argument("--raw", type=Path, help="also write every round to this file, as JSON")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        with ExitStack() as stack:
            hosts = stack.enter_context(stage.hosts_of(options.lab, 4, ["haproxy"]))
            clients = prepare(hosts, stack)
            if options.pin:
                pin(hosts)
            rounds = measure(clients, options.laps)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    if options.raw:
        options.raw.write_text(json.dumps(rounds, indent=1))
    print(report(rounds))
    return 0 if meets_the_bar(rounds) else 1


def prepare(hosts: list[Host], stack: ExitStack) -> dict[str, Client]:
    """Start arpanet, the servers on host1, and a client for each way."""
    host1, host2, host3, host4 = hosts
    chosen = zip(hosts[1:], PLANES, strict=True)
    planes = {host.name: {"ARPANET_PLANE": plane} for host, plane in chosen}
    stage.arpanet(hosts, 1, planes)
    log.info("servers on host1, clients on the others")
    redis, iperf3 = (
        f"{published}:{port}" for published, port in zip(PUBLISHED, (REDIS, IPERF3), strict=True)
    )
    server = f"redis-server --protected-mode no --port {REDIS} --save"
    stage.run_container(host1, "redis", "-p", redis, run=server)
    stage.run_container(host1, "iperf3", "-p", iperf3, run="iperf3 -s")

    def client(host: Host, name: str, address: str, *links: str) -> Client:
        stage.run_container(host, name, *links)
        ports = PUBLISHED if address == host1.ip else (REDIS, IPERF3)
        return Client(stack.enter_context(shell(host, name)), address, ports)

    clients = {
        BASE: client(host2, "direct", host1.ip),
        SOCKET: client(host2, "socket", ALIAS, *LINKS),
        NFTABLES: client(host3, "nftables", ALIAS, *LINKS),
        PROXY: client(host4, "proxy", ALIAS, *LINKS),
        HAPROXY: client(host2, "haproxy", start_haproxy(host2, host1.ip)),
    }
    for one in clients.values():
        one.wait_for_redis()
    for host, containers in zip(hosts, BUSY, strict=True):
        stage.free_ports_soon(host, *containers)
    return clients


def pin(hosts: list[Host]) -> None:
    """Give what serves and what dials a processor each, as two real hosts have their own."""
    for host, containers, processor in zip(hosts, BUSY, "0111", strict=True):
        stage.docker(host, "update", "--cpuset-cpus", processor, *containers)


def start_haproxy(host: Host, server: str) -> str:
    """Start HAProxy as ambassadord was used: a hop on the client's host; return its address."""
    text = "global\n  maxconn 4096\ndefaults\n  mode tcp\n"
    text += "  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
    for port, published in zip((REDIS, IPERF3), PUBLISHED, strict=True):
        text += f"listen port-{port}\n  bind :{port}\n  server one {server}:{published}\n"
    path = Path(host.home, "haproxy.cfg")
    path.write_text(text)
    config = ("-v", f"{path}:/haproxy.cfg:ro")
    run = "haproxy -f /haproxy.cfg"
    return stage.run_container(host, "balancer", *config, image="haproxy", run=run)


def measure(clients: Mapping[str, Client], laps: int) -> list[Round]:
    """Return the rounds of all laps; in each, all ways take turns at one measure."""
    log.info("a lap to warm up, then %d laps", laps)
    ways = list(clients)
    rounds: list[Round] = []
    for lap in range(laps + 1):
        found: list[Round] = []
        for number, step in enumerate(LAP):
            # whoever comes first or last has no share in its good or bad luck for long
            first = (lap + number) % len(ways)
            order = ways[first:] + ways[:first]
            found.append({way: step(clients[way]) for way in order})
        if lap:
            rounds += found
            line = "  ".join(f"{way}: {found[0][way]['gets']:,.0f} GET/s" for way in ways)
            log.info("%2d  load %s  %s", lap, stage.load(), line)
    return rounds


if __name__ == "__main__":
    sys.exit(main())
