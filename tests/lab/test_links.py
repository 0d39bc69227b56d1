"""``arpanet links`` of all hosts, and as they change."""

import json
import subprocess

from tests.conftest import wait_for
from tests.lab.cluster import Cluster, client, rows, run, serve
from tests.lab.looks import told

LABEL = "--label connect.6379=redis"


def of_all(host):
    return [(row["host"], row["client"], row["targets"]) for row in rows(host, "links --cluster")]


def heard(host):
    """The same, without starting a command."""
    return [
        (name, link.client, " ".join(f"{target.ip}:{target.port}" for target in link.targets))
        for name, link in told(host)
    ]


def test_those_of_all_hosts_from_any_host(tidy: Cluster):
    host1, host2, host3 = tidy.hosts
    serve(host1)
    client(host2, LABEL, "shop")
    client(host3, LABEL, "till")
    target = f"{host1.ip}:10000"
    expected = [("host2", "shop", target), ("host3", "till", target)]
    for host in tidy.hosts:
        wait_for(lambda host=host: heard(host) == expected)
        assert of_all(host) == expected
    run(host3, "arpanet slave stop")
    assert of_all(host1) == expected[:1]
    run(host3, "arpanet slave start")
    wait_for(lambda: heard(host1) == expected)


def test_a_watch_tells_each_change_until_it_is_interrupted(tidy: Cluster):
    host1, _, host3 = tidy.hosts
    words = ["arpanet", "links", "--cluster", "--watch", "-f", "json"]
    watch = host1.popen(words, stdout=subprocess.PIPE, text=True)
    # what an earlier test had is told of until its host says otherwise
    heard = (one for one in map(json.loads, watch.stdout) if one["client"] == "client")
    try:
        client(host3, LABEL)
        first = next(heard)
        assert (first["change"], first["host"]) == ("added", "host3")
        assert first["error"] == "service redis has no instance"
        serve(host1)
        second = next(heard)
        assert (second["change"], second["targets"]) == ("changed", f"{host1.ip}:10000")
        run(host3, "docker rm -f client")
        # on a busy machine its one instance may have been silent for a moment
        last = next(one for one in heard if one["change"] != "changed")
        assert last["change"] == "removed"
    finally:
        watch.send_signal(2)
        assert watch.wait(timeout=10) == 0
        watch.stdout.close()
