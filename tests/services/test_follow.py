"""Running containers of a real dockerd are followed."""

import os
import signal
import statistics
import time
from pathlib import Path

import pytest

from arpanet.docker.engine import Engine
from arpanet.errors import EngineUnreachable
from tests.conftest import SLOW, wait_for

#: How many events Docker replays.
RING = 256
SLEEP = ["docker", "run", "-d", "--stop-signal", "SIGKILL", "busybox", "sleep", "1000"]


class Told:
    """What was told, and when."""

    def __init__(self):
        self.all = []

    def __call__(self, found):
        self.all.append((time.time(), found))

    @property
    def names(self):
        return {one.name for one in self.all[-1][1].values()} if self.all else None


@pytest.fixture
def engine(clean_dockerd):
    engine = Engine.connect(f"unix://{clean_dockerd.docker_socket}")
    yield engine
    engine.close()


@pytest.fixture
def follow(engine):
    opened = []

    def start(resync=30.0):
        told = Told()
        opened.append(engine.follow(told, resync))
        wait_for(lambda: told.all)
        return opened[-1], told

    yield start
    for one in opened:
        one.close()


def test_from_start_to_end(follow, clean_dockerd):
    _, told = follow()
    assert told.names == set()
    host = clean_dockerd
    host.run(["docker", "network", "create", "n"])
    host.run([*SLEEP[:5], "--name", "one", *SLEEP[5:]])
    wait_for(lambda: told.names == {"one"})
    host.run(["docker", "rename", "one", "two"])
    wait_for(lambda: told.names == {"two"})
    host.run(["docker", "network", "connect", "n", "two"])
    wait_for(lambda: "n" in next(iter(told.all[-1][1].values())).networks)
    host.run(["docker", "network", "disconnect", "n", "two"])
    wait_for(lambda: "n" not in next(iter(told.all[-1][1].values())).networks)
    before = next(iter(told.all[-1][1].values()))
    host.run(["docker", "restart", "-t", "0", "two"])
    wait_for(lambda: told.names == {"two"} and next(iter(told.all[-1][1].values())) != before)
    host.run(["docker", "rm", "-f", "two"])
    wait_for(lambda: told.names == set())


def test_health(follow, clean_dockerd):
    _, told = follow()
    check = ["--health-cmd", "test -e /tmp/well", "--health-interval", "200ms"]
    check += ["--health-retries", "1"]
    clean_dockerd.run([*SLEEP[:5], "--name", "one", *check, *SLEEP[5:]])

    def health():
        return [one.health for one in told.all[-1][1].values()]

    wait_for(lambda: health() == ["unhealthy"])
    clean_dockerd.run(["docker", "exec", "one", "touch", "/tmp/well"])
    wait_for(lambda: health() == ["healthy"])
    count = len(told.all)
    clean_dockerd.run(["docker", "exec", "one", "sleep", "1"])  # meanwhile: several checks
    assert len(told.all) == count


def event_times(host, since, action):
    """Container id -> when Docker logged its *action*, in seconds."""
    form = "{{.Actor.ID}} {{.TimeNano}}"
    words = ["docker", "events", "--since", str(since), "--until", str(time.time())]
    listed = host.run([*words, "--filter", f"event={action}", "--format", form])
    return {line.split()[0]: int(line.split()[1]) / 1e9 for line in listed.stdout.splitlines()}


def test_latency(follow, clean_dockerd, record_property):
    _, told = follow()
    since = time.time()
    for _ in range(10):
        clean_dockerd.run(SLEEP)
    wait_for(lambda: len(told.names) == 10)
    happened = event_times(clean_dockerd, since, "start")
    assert len(happened) == 10
    first = {i: next(when for when, found in told.all if i in found) for i in happened}
    delays = sorted(first[i] - happened[i] for i in happened)
    words = f"start event to notify, ms: median {statistics.median(delays) * 1e3:.1f}"
    print(f"\n{words}, worst {delays[-1] * 1e3:.1f}")  # noqa: T201
    assert statistics.median(delays) < SLOW


def test_a_burst_beyond_what_docker_replays(follow, clean_dockerd, engine):
    _, told = follow()
    since = time.time()
    script = 'for i in $(seq 16); do echo "$i"; done | xargs -P 8 -I+ docker run --rm --network'
    clean_dockerd.run(["sh", "-c", f"{script} none --name short+ busybox true"], timeout=280)
    clean_dockerd.run([*SLEEP[:5], "--name", "last", *SLEEP[5:]])
    (last,) = engine.containers()
    for number in (*range(RING), ""):  # events that cost Docker less than containers
        engine._api.rename(last, f"last{number}")
    wait_for(lambda: told.names == {"last"}, 20)
    events = clean_dockerd.run(
        ["docker", "events", "--since", str(since), "--until", str(time.time())]
    )
    assert len(events.stdout.splitlines()) == RING
    assert told.all[-1][1] == engine.containers()


def test_docker_restarts(follow, clean_dockerd):
    following, told = follow(resync=0.2)
    clean_dockerd.run([*SLEEP[:5], "--name", "ends", *SLEEP[5:]])
    clean_dockerd.run([*SLEEP[:5], "--name", "stays", "--restart", "always", *SLEEP[5:]])
    wait_for(lambda: told.names == {"ends", "stays"})
    clean_dockerd.stop_docker()
    wait_for(lambda: following.trouble)
    down = len(told.all)
    clean_dockerd.start_docker()
    up = time.time()
    wait_for(lambda: told.names == {"stays"})
    print(f"\nafter dockerd answers again, told within {time.time() - up:.2f} s")  # noqa: T201
    assert following.trouble == ""
    # Docker ends its containers one by one before it ends itself; down, nothing is told
    assert all(found for _, found in told.all[down:])


def dockerd_pid(host):
    return int(Path(f"/proc/{host.pid}/root/run/docker.pid").read_text())


def signal_dockerd(host, number):
    """Its pid file has the number of the host's own pid namespace."""
    host.run(["kill", f"-{int(number)}", str(dockerd_pid(host))])


def test_docker_is_killed(follow, clean_dockerd):
    following, told = follow(resync=0.2)
    clean_dockerd.run([*SLEEP[:5], "--name", "stays", "--restart", "always", *SLEEP[5:]])
    wait_for(lambda: told.names == {"stays"})
    count = len(told.all)
    signal_dockerd(clean_dockerd, signal.SIGKILL)
    wait_for(lambda: following.trouble)
    clean_dockerd.start_docker()
    wait_for(lambda: told.names == {"stays"} and not following.trouble)
    assert all(found for _, found in told.all[count:])


def test_docker_hangs(follow, clean_dockerd, monkeypatch):
    monkeypatch.setattr("arpanet.docker.client.ANSWER", 1)
    engine = Engine.connect(f"unix://{clean_dockerd.docker_socket}")
    told = Told()
    following = engine.follow(told, 0.2)
    wait_for(lambda: told.all)
    signal_dockerd(clean_dockerd, signal.SIGSTOP)
    try:
        wait_for(lambda: "in time" in following.trouble)
        count = len(told.all)
        with pytest.raises(EngineUnreachable, match="did not answer in time"):
            engine.containers()
    finally:
        signal_dockerd(clean_dockerd, signal.SIGCONT)
    wait_for(lambda: not following.trouble and len(told.all) > count, 20)
    following.close()
    engine.close()


def test_following_leaves_no_threads_and_no_connections(engine, clean_dockerd):
    def open_files():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    engine.containers()
    before = open_files()
    for _ in range(5):
        told = Told()
        following = engine.follow(told)
        wait_for(lambda told=told: told.all)
        following.close()
    assert wait_for(lambda: open_files() <= before + 1)
