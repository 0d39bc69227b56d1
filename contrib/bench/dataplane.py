"""What a link costs: redis and iperf3 over two hosts, by each way there is.

``python -m contrib.bench.dataplane``; see README.md beside this file.
"""

import argparse
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arpanet_lab.host import Host

from arpanet.errors import ArpanetError
from contrib.bench import figures, stage
from contrib.bench.bar import HAPROXY, KERNEL, PROXY, meets_the_bar, report
from contrib.bench.figures import BASE

log = logging.getLogger("arpanet.bench")

REDIS, IPERF3 = 6379, 5201  # what clients dial
REDIS_PUBLISHED, IPERF3_PUBLISHED = 10000, 10001
ALIAS = "backends"
LINKS = (
    f"--link arpanet_backends:{ALIAS} -e BACKEND_{REDIS}=redis -e BACKEND_{IPERF3}=iperf3".split()
)

#: Each round is short and all variants are in it: what else runs on the machine meets them alike.
GETS, CONNECTIONS, CLIENTS = 15_000, 2_000, 50
IPERF3_SECONDS = 1


@dataclass(frozen=True)
class Way:
    """One way from a client to the servers.

    :ivar host: the client's; *client* is its container.
    :ivar ports: what it dials at *address*: redis's and iperf3's.
    """

    host: Host
    client: str
    address: str
    ports: tuple[int, int]


def main() -> int:
    """Measure and print; return 1 when the kernel plane is below the bar."""
    parser = argparse.ArgumentParser(prog="python -m contrib.bench.dataplane", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="laps; each takes about 15 s")
    parser.add_argument("--lab", default="bench", help="the lab's name")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("arpanet_lab").setLevel(logging.WARNING)
    try:
        with stage.hosts_of(options.lab, 3, ["haproxy"]) as hosts:
            rounds = measure(prepare(hosts), options.rounds)
    except ArpanetError as problem:
        log.error("%s", problem)
        return 1
    print(report(rounds))
    return 0 if meets_the_bar(rounds) else 1


def prepare(hosts: list[Host]) -> dict[str, Way]:
    """Start arpanet, the servers on host1, and a client for each way."""
    host1, host2, host3 = hosts
    # a host has one plane: so a twin of host2 has the other, and rounds can still take turns
    stage.arpanet(hosts, 1, {host3.name: {"ARPANET_PLANE": "proxy"}})
    log.info("servers on host1, clients on host2 and host3")
    server = f"redis-server --protected-mode no --port {REDIS} --save"
    stage.run_container(host1, "redis", "-p", f"{REDIS_PUBLISHED}:{REDIS}", run=server)
    stage.run_container(host1, "iperf3", "-p", f"{IPERF3_PUBLISHED}:{IPERF3}", run="iperf3 -s")
    for name, host, more in (
        ("direct", host2, ()),
        ("kernel", host2, LINKS),
        ("proxy", host3, LINKS),
        ("haproxy", host2, ()),
    ):
        stage.run_container(host, name, *more)
    published = (REDIS_PUBLISHED, IPERF3_PUBLISHED)
    ways = {
        BASE: Way(host2, "direct", host1.ip, published),
        KERNEL: Way(host2, "kernel", ALIAS, (REDIS, IPERF3)),
        PROXY: Way(host3, "proxy", ALIAS, (REDIS, IPERF3)),
        HAPROXY: Way(host2, "haproxy", start_haproxy(host2, host1.ip), (REDIS, IPERF3)),
    }
    for variant, way in ways.items():
        wait_for_redis(variant, way)
    stage.free_ports_soon(host1, "redis")
    stage.free_ports_soon(host2, "direct", "kernel", "haproxy", "balancer")
    stage.free_ports_soon(host3, "proxy", "arpanet_backends")
    return ways


def start_haproxy(host: Host, server: str) -> str:
    """Start HAProxy as ambassadord was used: a hop on the client's host; return its address."""
    text = "global\n  maxconn 4096\ndefaults\n  mode tcp\n"
    text += "  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
    ways = (("redis", REDIS, REDIS_PUBLISHED), ("iperf3", IPERF3, IPERF3_PUBLISHED))
    for name, port, published in ways:
        text += f"listen {name}\n  bind :{port}\n  server one {server}:{published}\n"
    path = Path(host.home, "haproxy.cfg")
    path.write_text(text)
    return stage.run_container(
        host,
        "balancer",
        "-v",
        f"{path}:/haproxy.cfg:ro",
        image="haproxy",
        run="haproxy -f /haproxy.cfg",
    )


def wait_for_redis(variant: str, way: Way, seconds: float = 20.0) -> None:
    """Wait until redis answers.

    :raises ArpanetError: it does not.
    """
    deadline = time.monotonic() + seconds
    ping = ["redis-cli", "-h", way.address, "-p", str(way.ports[0]), "ping"]
    while "PONG" not in in_container(way, *ping, check=False):
        if time.monotonic() > deadline:
            raise ArpanetError(f"{variant}: redis does not answer within {seconds:.0f} s")
        time.sleep(0.1)


def measure(ways: Mapping[str, Way], count: int) -> list[figures.Round]:
    """Return the rounds of *count* laps; in each, all ways take turns at one measure."""
    log.info("a lap to warm up, then %d laps", count)
    rounds: list[figures.Round] = []
    for lap in range(count + 1):
        # whoever comes first or last has no share in its good or bad luck for long
        turn = lap % len(ways)
        order = [*list(ways)[turn:], *list(ways)[:turn]]
        found = [{way: step(ways[way]) for way in order} for step in LAP]
        if lap:
            rounds += found
            line = "  ".join(f"{way}: {found[0][way]['gets']:,.0f} GET/s" for way in ways)
            log.info("%2d  load %s  %s", lap, stage.load(), line)
    return rounds


def gets(way: Way) -> dict[str, float]:
    """Measure redis GETs over connections that stay."""
    found = redis_benchmark(way, "-n", str(GETS))
    return {"gets": found["rps"], "p50": found["p50"], "p99": found["p99"]}


def connections(way: Way) -> dict[str, float]:
    """Measure redis GETs with a new connection for each."""
    return {"connections": redis_benchmark(way, "-n", str(CONNECTIONS), "-k", "0")["rps"]}


def throughput(way: Way) -> dict[str, float]:
    """Measure what one connection carries."""
    words = f"iperf3 --json -c {way.address} -p {way.ports[1]} -t {IPERF3_SECONDS}".split()
    return {"gbits": figures.parse_iperf3(in_container(way, *words)) / 1e9}


#: Rounds are short, and the noisiest measures have more of them.
LAP = (gets, connections, throughput, gets, connections, gets)


def redis_benchmark(way: Way, *words: str) -> dict[str, float]:
    """Run redis-benchmark once: one thread, no pipelining."""
    target = ["-h", way.address, "-p", str(way.ports[0]), "-t", "get", "-c", str(CLIENTS)]
    return figures.parse_redis(in_container(way, "redis-benchmark", *target, *words, "--csv"))


def in_container(way: Way, *words: str, check: bool = True) -> str:
    """Return what a command in the client's container prints.

    :raises ArpanetError: with *check*: it failed.
    """
    return way.host.run(["docker", "exec", way.client, *words], check=check).stdout


if __name__ == "__main__":
    sys.exit(main())
