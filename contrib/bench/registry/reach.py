"""The registry as any installation has it: by etcd's plugin, found by its entry point."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from arpanet import (
    ARPANET_IDENTITY,
    ARPANET_IP,
    ARPANET_MASTERS,
    ARPANET_REGISTRY,
    ARPANET_TLS,
    ARPANET_TTL,
    HOSTNAME,
    Admission,
    Context,
    Host,
    Instance,
    Registry,
    Settings,
    Source,
    Vault,
)

__all__ = ["ME", "TTL", "admit", "registry_of", "the_host", "the_instances", "vault_of"]

#: How many services there are: each of the cluster's instances is of one of them.
SERVICES = 1000
#: Variables for processes: the directory with this one's certificate, named as the host (none: it
#: speaks without TLS); seconds that what a host wrote outlives it.
ME, TTL = "BENCH_ME", "BENCH_TTL"


def registry_of(masters: str, host: str) -> Registry:
    """Return the registry that *host* would use. Does no I/O."""
    plugin, context = _plugged(masters, host)
    found: Registry = plugin.arpanet_registry(context)
    return found


def vault_of(masters: str, host: str) -> Vault:
    """Return where masters keep what they know. Does no I/O."""
    plugin, context = _plugged(masters, host)
    found: Vault = plugin.arpanet_vault(context)
    return found


def admit(masters: str, host: str, admissions: Sequence[Admission]) -> None:
    """Have etcd ask for passwords, and know *admissions*, as the master *host* does it."""
    plugin, context = _plugged(masters, host)
    plugin.arpanet_hosts_admitted(context, admissions)


def _plugged(masters: str, host: str) -> tuple[Any, Context]:
    (point,) = entry_points(group="arpanet.plugins", name="etcd")
    plugin = point.load()()
    me = os.environ.get(ME, "")
    given = {
        "HOSTNAME": Path(me).name if me else host,
        "ARPANET_IP": "10.0.0.1",
        "ARPANET_MASTERS": masters,
        "ARPANET_REGISTRY": f"etcd://{masters}/bench",
        "ARPANET_TLS": "on" if me else "off",
        **({"ARPANET_IDENTITY": me} if me else {}),
        **({"ARPANET_TTL": os.environ[TTL]} if TTL in os.environ else {}),
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
    return plugin, Context(settings, None, sys.stderr.write)


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
