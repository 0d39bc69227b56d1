"""A container that is told to end: nobody begins with it, and nobody who has begun loses anything.

The servers' stop signal is one that redis takes no notice of: so each goes on for the whole time
that Docker gives it, as a server does that finishes its work, and ends with a kill.
"""

import time

from arpanet_lab.host import Host
from arpanet_lab.load.load import Client, loaded

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, fails, links, marked, run, where
from tests.lab.looks import instances, status
from tests.support.labs import docker_of

LABEL = "--label connect.6379=redis"
SECOND = 1_000_000_000
#: Seconds that a server goes on after its signal.
FINISHES = 3


def serve(host: Host, stop_timeout: int | None = None) -> None:
    """Run a redis on *host* that says when it is ready, and which host it is on."""
    check = {"test": ["CMD", "redis-cli", "ping"], "interval": SECOND, "timeout": SECOND}
    with docker_of(host) as api:
        made = api.create_container(
            "redis",
            ["redis-server", "--protected-mode", "no", "--save", ""],
            name="redis",
            ports=[6379],
            host_config=api.create_host_config(port_bindings={6379: 10000}),
            healthcheck=check,
            stop_signal="SIGWINCH",
            stop_timeout=stop_timeout,
        )
        api.start(made)
    marked(host, "redis")


def targets(host: Host) -> set[str]:
    return {target.ip for link in links(host) for target in link.targets}


def pair(cluster: Cluster, stop_timeout: int | None = None) -> list[Host]:
    """Run redis on host1 and host2, and a client on host3 that may reach both.

    One after the other: of two that start, that which is well first would be dialled alone for a
    moment. A second one is not dialled before it is well.
    """
    host1, host2, host3 = cluster.hosts
    client(host3, LABEL)
    serve(host1, stop_timeout)
    health = "host1:redis:6379", "healthy"
    wait_for(lambda: health in {(one.id, one.health) for one in instances(host3)})
    serve(host2, stop_timeout)
    wait_for(lambda: targets(host3) == {host1.ip, host2.ip})
    return [host1, host2, host3]


def test_a_rolling_restart_fails_nobody(tidy: Cluster) -> None:
    host1, host2, host3 = pair(tidy)
    dialer = Client(host3, "client", 6379, every=0.005, held=0)
    with loaded([dialer]) as load:
        for host in (host1, host2):
            run(host, f"docker stop -t {FINISHES} redis")
            run(host, "docker start redis")
            wait_for(lambda: targets(host3) == {host1.ip, host2.ip})
    figures = load.figures[dialer]
    assert figures.dialled > 1000 and not figures.failed, str(figures)


def test_what_is_stopping_serves_on_and_is_dialled_no_more(tidy: Cluster) -> None:
    host1, host2, host3 = pair(tidy, stop_timeout=600)  # more than all of this takes
    dialer = Client(host3, "client", 6379, every=1000.0, held=8)
    with loaded([dialer]) as load:
        asked = ["docker", "exec", "redis", "redis-cli", "client", "list"]
        wait_for(lambda: len(host1.run(asked).stdout.splitlines()) > 2)
        run(host1, "docker kill -s WINCH redis")
        wait_for(lambda: targets(host3) == {host2.ip}, 3)
        assert {where(host3, "127.0.0.1") for _ in range(6)} == {"host2"}
        leaves = "arpanet etcdctl get --prefix /arpanet/services/redis/"
        wait_for(lambda: host1.ip not in (listed := run(host2, leaves)) and host2.ip in listed)
        assert len(host1.run(asked).stdout.splitlines()) > 2  # those that began before are served
        run(host1, "docker kill redis")
    broken = load.figures[dialer].broken
    assert all(served == "host1" for _, _, served in broken), broken


def test_who_outlives_its_signal_is_dialled_again(tidy: Cluster) -> None:
    host1, host2, host3 = pair(tidy)
    run(host1, "docker kill -s HUP redis")  # reloads, in many a server
    assert targets(host3) == {host1.ip, host2.ip}
    run(host1, "docker kill -s WINCH redis")
    begun = time.monotonic()
    wait_for(lambda: targets(host3) == {host2.ip}, 3)
    run(host1, "docker restart -t 0 arpanet_registrator")  # which forgets what it has heard
    wait_for(lambda: targets(host3) == {host1.ip, host2.ip}, 20)
    assert time.monotonic() - begun > 9, "its time was not over yet"


def test_by_hand_there_and_back(tidy: Cluster) -> None:
    host1, host2, host3 = pair(tidy)
    both = {host1.ip, host2.ip}
    dialer = Client(host3, "client", 6379, every=0.005, held=4)
    with loaded([dialer]) as load:
        held = ["docker", "exec", "redis", "redis-cli", "client", "list"]
        wait_for(lambda: len(host1.run(held).stdout.splitlines()) > 1)
        code, line = fails(host1, "arpanet drain redis --timeout 2")
        assert code == 1 and f" of {host3.ip}" in line
        assert targets(host3) == {host2.ip}
        run(host1, "docker restart -t 0 arpanet_registrator")
        wait_for(lambda: status(host1)["registrator"].state == "ok")
        assert "'arpanet drain redis --undo'" in status(host1)["registrator"].detail
        assert targets(host3) == {host2.ip}
        run(host1, "arpanet drain redis --undo")
        wait_for(lambda: targets(host3) == both, 5)
    figures = load.figures[dialer]
    assert not figures.failed and not figures.broken, str(figures)
    run(host1, "arpanet drain --host")
    assert targets(host3) == {host2.ip}
    run(host1, "docker restart -t 0 redis")
    wait_for(lambda: "stopping" in {one.health for one in instances(host3)})
    run(host1, "arpanet drain --host --undo")
    wait_for(lambda: targets(host3) == both, 5)
    run(host1, "arpanet drain redis")
    assert targets(host3) == {host2.ip}
    run(host1, "docker restart -t 0 redis")  # who is started anew takes connections
    wait_for(lambda: targets(host3) == both, 20)


def test_a_host_whose_docker_is_stopped_withdraws_what_it_runs(tidy: Cluster) -> None:
    """What ends with it may fail who is dialling just then; nobody begins with it any more."""
    host1, host2, host3 = pair(tidy)
    run(host1, "docker update --restart unless-stopped redis")
    dialer = Client(host3, "client", 6379, every=0.005, held=0)
    with loaded([dialer]) as load:
        host1.stop_docker()
        wait_for(lambda: targets(host3) == {host2.ip}, 3)
        host1.start_docker()
        wait_for(lambda: targets(host3) == {host1.ip, host2.ip})
    figures = load.figures[dialer]
    assert figures.dialled > 500 and not figures.failed, str(figures)


def test_what_only_its_host_reaches_is_checked_there(tidy: Cluster) -> None:
    host1 = tidy.hosts[0]
    labels = ["--label", "arpanet.check.7000=tcp every=200ms", "-e", "SERVICE_NAME=inner"]
    serve = [
        "--expose",
        "7000",
        "redis",
        "redis-server",
        "--port",
        "7000",
        "--protected-mode",
        "no",
    ]
    host1.run(["docker", "run", "-d", *labels, *serve])
    run(host1, "arpanet wait inner")
    assert run(host1, "arpanet services inner -f value -c health") == "healthy"
