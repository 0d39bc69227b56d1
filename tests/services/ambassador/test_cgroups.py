"""Links on hosts of every kind of cgroups, where Docker shows them differently."""

import pytest

from tests.conftest import wait_for
from tests.lab import looks
from tests.lab.cluster import rows, run, serve, write_rc
from tests.support.labs import lab_of

ROOT = "Docker uses cgroups of version 1 here: give the container a network of its own"


def start(host, name, options):
    run(host, f"docker run -d --name {name} {options} redis redis-server --port 7000")


def asked(host, name, dial="localhost"):
    """What the redis at the other end of a client's link says."""
    command = ["docker", "exec", name, "redis-cli", "-h", dial, "get", "where"]
    done = host.run(command, check=False)
    return done.stdout.strip() or done.stderr.strip()


def link(host, name):
    (found,) = [row for row in rows(host, "links") if row["client"] == name]
    return found


@pytest.mark.parametrize("kind", ["v1", "hybrid", "v2"])
def test_kind(kind):
    with lab_of("k", 1, kind) as lab:
        host = lab.host("host1")
        # where the target comes from is the same on all of them: no master, and a fixed address
        write_rc(host, ARPANET_IP=host.ip, ARPANET_REGISTRY="memory://")
        target = f"{host.ip}:10000"
        run(host, "arpanet slave start")
        serve(host, "redis")
        start(host, "client", f"--label connect.6379={target}")
        wait_for(lambda: asked(host, "client") == "host1", every=0.2)
        assert (link(host, "client")["plane"], link(host, "client")["note"]) == ("socket", "")

        start(host, "guest", f"--network host --label connect.cache:6379={target}")
        wait_for(lambda: "guest" in {one.client for one in looks.links(host)})
        if kind == "v1":
            assert ROOT in link(host, "guest")["error"]
        else:
            wait_for(lambda: asked(host, "guest", "cache") == "host1", every=0.2)
            assert link(host, "guest")["plane"] == "socket"
        # nobody else on the host's network is a client
        assert "refused" in host.run(["redis-cli", "get", "where"], check=False).stderr

        run(host, "docker kill arpanet_backends_agent")
        assert asked(host, "client") == "host1"
        run(host, "arpanet slave stop")
        assert "refused" in asked(host, "client")
        assert run(host, "find /sys/fs/bpf -name 'link_*'") == ""
