"""One client and what is measured from it."""

import time
from dataclasses import dataclass, field

from arpanet import ArpanetError
from contrib.bench.figures import parse_iperf3, parse_redis
from contrib.bench.talk import Shell

__all__ = ["Client"]

#: How many connections redis-benchmark uses at once.
AT_ONCE = 50
#: Seconds that a burst of requests should take: short, so that whatever else the machine does meets
#: all ways alike; long next to the first connections, which are in its time.
GETS, CONNECTIONS, IPERF3 = 0.5, 0.3, 2
FEWEST = 500


@dataclass
class Client:
    """A container that dials redis and iperf3 at *address*.

    :ivar shell: in its container.
    :ivar ports: redis's and iperf3's.
    """

    shell: Shell
    address: str
    ports: tuple[int, int]
    #: how many requests per second there were last time
    _rates: dict[str, float] = field(default_factory=dict)

    def gets(self) -> dict[str, float]:
        """Measure redis GETs over connections that stay."""
        found = self._redis("-k 1", GETS)
        return {"gets": found["rps"], "p50": found["p50"], "p99": found["p99"]}

    def connections(self) -> dict[str, float]:
        """Measure redis GETs with a new connection for each."""
        return {"connections": self._redis("-k 0", CONNECTIONS)["rps"]}

    def throughput(self) -> dict[str, float]:
        """Measure what one connection carries."""
        output = self.shell.run(
            f"iperf3 --json -c {self.address} -p {self.ports[1]} -t {IPERF3}",
        )
        return {"gbits": parse_iperf3(output) / 1e9}

    def wait_for_redis(self, seconds: float = 20.0) -> None:
        """Wait until redis answers.

        :raises ArpanetError: it does not.
        """
        deadline = time.monotonic() + seconds
        ping = f"redis-cli -h {self.address} -p {self.ports[0]} ping || true"
        while "PONG" not in self.shell.run(ping):
            if time.monotonic() > deadline:
                raise ArpanetError(f"{self.address}: redis does not answer in {seconds:.0f} s")
            time.sleep(0.1)

    def _redis(self, kind: str, seconds: float) -> dict[str, float]:
        """Run redis-benchmark for about that long: one thread, no pipelining."""
        requests = max(FEWEST, round(self._rates.get(kind, 0) * seconds))
        target = f"-h {self.address} -p {self.ports[0]} -t get -c {AT_ONCE}"
        found = parse_redis(
            self.shell.run(f"redis-benchmark {target} {kind} -n {requests} --csv"),
        )
        self._rates[kind] = found["rps"]
        return found
