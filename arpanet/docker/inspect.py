"""What Docker's JSON means, in the words of :mod:`arpanet.records`; pure.

Serves engines from 20.10 (API 1.41) to 29 (API 1.52): an event's ``status`` and ``id`` are gone
from the latter, and the top-level addresses of ``NetworkSettings`` are deprecated since 1.9.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from arpanet.records import Container, Port

__all__ = ["EVENT_FILTERS", "container_record", "touched"]

#: What Docker is asked to report. Health checks alone cause thousands of exec events, which Docker
#: thereby keeps to itself. ``health_status`` makes Docker match all of these as prefixes.
EVENT_FILTERS = {
    "type": ["container", "network"],
    "event": [
        "start",
        "die",
        "destroy",
        "rename",
        "update",
        "health_status",
        "connect",
        "disconnect",
    ],
}

Json = Mapping[str, Any]


def container_record(inspected: Json) -> Container | None:
    """Return the record of an inspected container, ``None`` when it does not run.

    One that Docker is about to restart counts as not running: it has no process.
    """
    state = inspected.get("State") or {}
    config = inspected.get("Config") or {}
    network = inspected.get("NetworkSettings") or {}
    endpoints = network.get("Networks") or {}
    host = inspected.get("HostConfig") or {}
    if not state.get("Running") or not state.get("Pid"):
        return None
    mode = host.get("NetworkMode") or "default"
    health = (state.get("Health") or {}).get("Status") or ""
    return Container(
        id=inspected["Id"],
        name=str(inspected["Name"]).lstrip("/"),
        image=config.get("Image") or inspected.get("Image") or "",
        pid=state["Pid"],
        started=state.get("StartedAt") or "",
        network_mode="bridge" if mode == "default" else mode,
        networks={name: _address(endpoints[name] or {}) for name in sorted(endpoints)},
        ports=_ports(config.get("ExposedPorts") or {}, network.get("Ports") or {}),
        env=dict(one.split("=", 1) for one in config.get("Env") or () if "=" in one),
        labels=dict(config.get("Labels") or {}),
        links=_links(host, endpoints),
        health="" if health == "none" else health,
    )


def touched(event: Json) -> tuple[str, str] | None:
    """Return (container id, action) of an event that may have changed a record, else ``None``.

    The action is its first word: ``health_status`` for ``health_status: healthy``.
    """
    actor = event.get("Actor") or {}
    action = str(event.get("Action") or "").partition(":")[0]
    if action not in EVENT_FILTERS["event"]:
        return None
    if event.get("Type") == "network":
        container = (actor.get("Attributes") or {}).get("container")
    else:
        container = actor.get("ID")
    return (container, action) if container else None


def _address(endpoint: Json) -> str:
    return endpoint.get("IPAddress") or endpoint.get("GlobalIPv6Address") or ""


def _ports(exposed: Iterable[str], published: Mapping[str, Any]) -> tuple[Port, ...]:
    """One per host binding; Docker's pair of 0.0.0.0 and :: on one host port is one binding.

    Bindings of one port stay as Docker lists them: registrator takes the first.
    """
    found: list[Port] = []
    for key in {*exposed, *published}:
        number, _, protocol = key.partition("/")
        if not number.isdigit():
            continue
        port, protocol = int(number), protocol or "tcp"
        bound = dict.fromkeys(
            (one.get("HostIp") or "0.0.0.0", int(one["HostPort"]))
            for one in published.get(key) or ()
            if one.get("HostPort")
        )
        for ip, host_port in bound:
            if ip != "::" or ("0.0.0.0", host_port) not in bound:
                found.append(Port(port, protocol, ip, host_port))
        if not bound:
            found.append(Port(port, protocol))
    return tuple(sorted(found, key=lambda one: (one.number, one.protocol)))


def _links(host: Json, endpoints: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Both forms of ``--link``: ``/redis:/client/alias`` on the default bridge, ``redis:alias``
    on a network of one's own, where Docker keeps it with the endpoint."""
    texts = list(host.get("Links") or ())
    for endpoint in endpoints.values():
        texts += (endpoint or {}).get("Links") or ()
    pairs = (text.partition(":") for text in texts)
    return tuple(
        sorted({(name.lstrip("/"), (alias or name).rpartition("/")[2]) for name, _, alias in pairs})
    )
