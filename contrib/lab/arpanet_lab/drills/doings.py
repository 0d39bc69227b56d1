"""What people do to a cluster that serves; each is done with its block, and undone after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from arpanet_lab.cluster import everywhere, replace_rc
from arpanet_lab.drills.site import Site

__all__ = ["agents_replaced", "spoilt", "stopped"]

#: More names than an instance may have.
_NAMES = 10_000


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """Stop the instance on host2, and start it."""
    host = site.lab.host("host2")
    host.run(["docker", "stop", "redis"])
    try:
        yield
    finally:
        host.run(["docker", "start", "redis"])
        site.name()


@contextmanager
def spoilt(site: Site) -> Iterator[None]:
    """Run a container that can't be registered on each host that serves."""
    names = ",".join(f"name{number}" for number in range(_NAMES))
    run = ["docker", "run", "-d", "--name", "spoilt", "-p", "10009:9"]
    hosts = site.hosts[:2]
    for host in hosts:
        host.run([*run, "-e", f"SERVICE_NAME={names}", "busybox", "sleep", "1000000"])
    try:
        yield
    finally:
        for host in hosts:
            host.run(["docker", "rm", "-f", "spoilt"])


@contextmanager
def agents_replaced(site: Site) -> Iterator[None]:
    """Have all hosts' agents begin anew with another setting, as an upgrade does, and once more."""
    before = {host.name: (host.home / ".arpanetrc").read_text() for host in site.hosts}
    for host in site.hosts:
        replace_rc(host, f"{before[host.name]}export ARPANET_RESYNC=47\n")
    everywhere(site.hosts, "arpanet slave start")
    try:
        yield
    finally:
        for host in site.hosts:
            replace_rc(host, before[host.name])
        everywhere(site.hosts, "arpanet slave start")
