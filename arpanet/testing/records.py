"""Records, with everything filled in that a test does not care about."""

from typing import Any

from arpanet.records import Container, Instance, Port, Snapshot

__all__ = ["container", "instance", "published", "snapshot"]


def container(name: str = "r0", **fields: Any) -> Container:
    """Return a container that runs: redis on Docker's default bridge, unless *fields* say else."""
    given = {
        "id": f"id-{name}",
        "image": "redis:7",
        "pid": 1,
        "started": "t0",
        "networks": {"bridge": "172.17.0.2"},
        **fields,
    }
    return Container(name=name, **given)


def published(port: int, host_port: int, protocol: str = "tcp") -> Port:
    """Return a port that Docker publishes on all addresses of the host (``-p host_port:port``)."""
    return Port(port, protocol, "0.0.0.0", host_port)


def instance(service: str = "redis", **fields: Any) -> Instance:
    """Return an instance of *service* on host ``h2``, unless *fields* say else."""
    given: dict[str, Any] = {
        "services": (service,),
        "host": "h2",
        "ip": "10.0.0.2",
        "port": 6379,
        **fields,
    }
    return Instance(**{"id": f"{given['host']}:{service}:{given['port']}", **given})


def snapshot(*instances: Instance) -> Snapshot:
    """Return a registry's content: *instances*, and no hosts."""
    return Snapshot({one.id: one for one in instances})
