"""A server that dies while its container goes on: whoever it refuses tells of it."""

from pathlib import Path

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, inside, links, marked, run, where
from tests.lab.looks import pid_of
from tests.support.kernel import programs_of, there

#: Beside what its container was started with, which outlives it.
SERVER = ["redis-server", "--port", "6379", "--protected-mode", "no", "--daemonize", "yes"]


def serve(host):
    host.run([*inside(host, "redis"), *SERVER])
    marked(host, "redis")


def programs(host):
    """Return those that any process of a host has: its ambassador's, in its container."""
    every = Path(f"/proc/{host.pid}/root/proc")
    found = [programs_of(int(one.name), every) for one in every.glob("[0-9]*")]
    return {program for some in found for program in some}


def targets(host):
    return [target.ip for link in links(host) for target in link.targets]


def test_its_clients_are_led_to_others_and_slave_stop_leaves_nothing(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    for host in (host1, host2):
        run(host, "docker run -d --name redis -p 10000:6379 redis redis-server --port 7000")
        serve(host)
    client(host3, "--label connect.6379=redis")
    wait_for(lambda: {where(host3, "localhost") for _ in range(2)} == {"host1", "host2"})
    (mine,) = programs(host3)
    host1.run([*inside(host1, "redis"), "redis-cli", "shutdown", "nosave"], check=False)
    wait_for(lambda: where(host3, "localhost") == "host2" and targets(host3) == [host2.ip])
    assert pid_of(host1, "redis")
    serve(host1)
    wait_for(lambda: sorted(targets(host3)) == sorted([host1.ip, host2.ip]))
    run(host3, "arpanet slave stop")
    assert not there(mine)
