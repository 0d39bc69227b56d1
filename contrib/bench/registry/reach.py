"""The registry as any installation has it: by etcd's plugin, found by its entry point."""

import sys
from importlib.metadata import entry_points

from arpanet import (
    ARPANET_IDENTITY,
    ARPANET_IP,
    ARPANET_MASTERS,
    ARPANET_REGISTRY,
    ARPANET_TLS,
    ARPANET_TTL,
    HOSTNAME,
    Context,
    Host,
    Instance,
    Registry,
    Settings,
    Source,
)

__all__ = ["registry_of", "the_host", "the_instances"]

#: How many services there are: each of the cluster's instances is of one of them.
SERVICES = 1000


def registry_of(masters: str, host: str) -> Registry:
    """Return the registry that *host* would use. Does no I/O."""
    (point,) = entry_points(group="arpanet.plugins", name="etcd")
    plugin = point.load()()
    given = {
        "HOSTNAME": host,
        "ARPANET_IP": "10.0.0.1",
        "ARPANET_MASTERS": masters,
        "ARPANET_REGISTRY": f"etcd://{masters}/bench",
        "ARPANET_TLS": "off",
    }
    declared = (
        HOSTNAME,
        ARPANET_IP,
        ARPANET_MASTERS,
        ARPANET_REGISTRY,
        ARPANET_TTL,
        ARPANET_TLS,
        ARPANET_IDENTITY,
        *plugin.arpanet_settings(),
    )
    settings = Settings(declared, {name: Source(text, "option") for name, text in given.items()})
    found: Registry = plugin.arpanet_registry(Context(settings, None, sys.stderr.write))
    return found


def the_host(number: int) -> Host:
    """Return a simulated host."""
    address = f"10.1.{number // 250}.{number % 250 + 1}"
    return Host(f"host{number}", address, f"engine-{number}", ("slave",), "1.0.0", 1.7e9)


def the_instances(number: int, count: int, health: str = "healthy") -> list[Instance]:
    """Return what that host has; *health* is that of the first, the others are well."""
    host = the_host(number)
    return [
        Instance(
            id=f"{host.name}:web-{k}:8080",
            services=(f"web-{(number * count + k) % SERVICES}",),
            host=host.name,
            ip=host.address,
            port=32768 + k,
            container=f"{number * count + k:064x}",
            tags=("http", "green"),
            attrs={"region": "eu-1", "release": "2024.11", "team": "shop"},
            health=health if k == 0 else "healthy",
            local={"bridge": f"172.17.0.{k + 2}"},
            started=1.7e9 + k,
        )
        for k in range(count)
    ]
