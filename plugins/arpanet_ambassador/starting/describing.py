"""What the files of Docker and its runtime say of a container that is about to start; pure.

Docker's API may not answer for it meanwhile: it locks a container while it starts it.
"""

from collections.abc import Mapping
from typing import Any

from arpanet import Container

__all__ = ["cgroups", "declares", "described"]

Json = Mapping[str, Any]

#: Where hierarchies of version 1 are mounted; the process is in all of them.
_HIERARCHIES = ("", "systemd", "pids", "memory", "cpu", "unified")


def described(config: Json, host: Json, pid: int = 0) -> Container:
    """Return the record of a container that starts.

    It has no address yet, and Docker tells its ``--link`` to nobody but those who ask.

    :param config: Docker's ``config.v2.json``, *host* its ``hostconfig.json``.
    """
    told = config.get("Config") or {}
    networks = (config.get("NetworkSettings") or {}).get("Networks") or {}
    mode = host.get("NetworkMode") or "default"
    return Container(
        id=str(config["ID"]),
        name=str(config.get("Name") or "").lstrip("/"),
        image=told.get("Image") or "",
        pid=pid,
        started="",
        network_mode="bridge" if mode == "default" else mode,
        networks=dict.fromkeys(sorted(networks), ""),
        env=dict(one.split("=", 1) for one in told.get("Env") or () if "=" in one),
        labels=dict(told.get("Labels") or {}),
        runtime=host.get("Runtime") or "",
    )


def declares(container: Container) -> bool:
    """Tell whether it may declare links."""
    return any(name.lower().startswith("backend_") for name in container.env) or any(
        name.startswith("connect.") for name in container.labels
    )


def cgroups(spec: Json) -> list[str]:
    """Return where its processes may be listed, below ``/sys/fs/cgroup``.

    :param spec: the runtime's ``config.json`` (OCI): a path, or for systemd ``slice:prefix:name``.
    """
    path = str((spec.get("linux") or {}).get("cgroupsPath") or "")
    if path.count(":") == 2 and not path.startswith("/"):
        slices, prefix, name = path.split(":")
        path = f"{_nested(slices or 'system.slice')}/{prefix}-{name}.scope"
    inner = path.strip("/")
    return [f"{where}/{inner}".lstrip("/") for where in _HIERARCHIES] if inner else []


def _nested(slices: str) -> str:
    """Return the directory of a slice: ``a-b.slice`` is within ``a.slice``."""
    parts = slices.removesuffix(".slice").split("-")
    return "/".join(f"{'-'.join(parts[: n + 1])}.slice" for n in range(len(parts)))
