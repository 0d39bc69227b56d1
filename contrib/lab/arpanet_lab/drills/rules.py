"""What holds on a cluster that is well, whatever happened to it: looked at after each accident."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from arpanet_lab.drills.site import ETCD, Site
from arpanet_lab.host import Host

__all__ = ["broken", "judged"]

Rows = Sequence[Mapping[str, Any]]
#: A client that comes and goes: nothing of it may be left.
_PASSER = "passer"
#: A service that is arpanet's.
_OWN = (ETCD,)


def broken(site: Site) -> list[str]:
    """Return what does not hold, in words. That links lead where they should is the heal's part."""
    found = _left_behind(site.hosts[2])
    services = _rows(site.hosts[2], "services")
    for host in site.hosts:
        found += judged(host.name, _published(host), services, _rows(host, "links"))
    return found


def judged(host: str, published: Collection[str], services: Rows, links: Rows) -> list[str]:
    """Return what is wrong on *host*; pure.

    :param published: names of the containers there that run and publish a port.
    """
    # host:container:port, and by UDP :udp
    known = sorted({":".join(one["instance"].split(":")[:2]) for one in services})
    found = [
        f"{host}: {name} runs, and is not registered"
        for name in published
        if f"{host}:{name}" not in known
    ]
    theirs = (one.partition(":") for one in known)
    named = [name for where, _, name in theirs if where == host and name not in _OWN]
    found += [
        f"{host}: {name} is registered, and does not run" for name in named if name not in published
    ]
    found += [
        f"{host}: no plane carries {one['dials']} of {one['client']}: {one['error']}"
        for one in links
        if not one["plane"]
    ]
    return found


def _left_behind(host: Host) -> list[str]:
    """Have a client come and go; return what is left of it."""
    label = ["--label", "connect.6379=redis", "busybox", "sleep", "1000000"]
    host.run(["docker", "run", "-d", "--name", _PASSER, *label])
    host.run(["docker", "rm", "-f", _PASSER])
    # what is left is left for good: a look is enough once a later client's link is there
    host.run(["docker", "run", "-d", "--name", f"{_PASSER}2", *label])
    try:
        clients = set()
        for _ in range(60):
            clients = {one["client"] for one in _rows(host, "links")}
            if f"{_PASSER}2" in clients:
                break
    finally:
        host.run(["docker", "rm", "-f", f"{_PASSER}2"])
    return [f"{host.name}: a link of {_PASSER}, which is gone"] if _PASSER in clients else []


def _published(host: Host) -> list[str]:
    listed = host.run(["docker", "ps", "--format", "{{.Names}}\t{{.Ports}}\t{{.Labels}}"]).stdout
    rows = (line.split("\t") for line in listed.splitlines())
    found = sorted(
        min(names.split(","), key=len)
        for names, ports, labels in rows
        if "->" in ports and "arpanet.part" not in labels
    )
    # Docker goes on to list what ended while its disk was full, and knows better when it is asked
    running = ["docker", "inspect", "-f", "{{.State.Running}}", *found]
    states = host.run(running).stdout.split() if found else []
    return [name for name, state in zip(found, states, strict=True) if state == "true"]


def _rows(host: Host, what: str) -> Rows:
    found: Rows = json.loads(host.run(["arpanet", what, "-f", "json"], timeout=60).stdout)
    return found
