"""What Docker's JSON means, in the words of :mod:`arpanet.records`; pure.

Serves engines from 20.10 (API 1.41) to 29 (API 1.52): an event's ``status`` and ``id`` are gone
from the latter, and the top-level addresses of ``NetworkSettings`` are deprecated since 1.9.
"""

import re
import signal
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from arpanet.records import Container, Port

__all__ = ["DIE", "EVENT_FILTERS", "KILL", "START", "Event", "container_record", "touched"]

#: It runs; it runs no more; a signal was sent, any: it may go on as before.
START, DIE, KILL = "start", "die", "kill"
#: What Docker is asked to report. Health checks alone cause thousands of exec events, which Docker
#: thereby keeps to itself. ``health_status`` makes Docker match all of these as prefixes.
EVENT_FILTERS = {
    "type": ["container", "network"],
    "event": [
        START,
        DIE,
        "destroy",
        "rename",
        "update",
        "health_status",
        "connect",
        "disconnect",
        KILL,
        "pause",
        "unpause",
    ],
}
#: What Docker takes where a container names none, and the seconds that it gives it.
STOP_SIGNAL, STOP_TIMEOUT = signal.SIGTERM, 10.0
#: The first and the last real-time signal, by which systemd is told to end (SIGRTMIN+3).
_REAL_TIME = {"RTMIN": 34, "RTMAX": 64}

Json = Mapping[str, Any]


class Event(NamedTuple):
    """What happened to a container.

    :ivar action: Docker's word, its first: ``health_status`` for ``health_status: healthy``.
    :ivar signal: the number of the signal that was sent, for ``kill``; else 0.
    :ivar at: when, in seconds since the epoch, by the clock of Docker's host.
    """

    container: str
    action: str
    signal: int = 0
    at: float = 0.0


def container_record(inspected: Json) -> Container | None:
    """Return the record of an inspected container, ``None`` when it does not run.

    One that Docker is about to restart counts as not running: it has no process.
    """
    state = inspected.get("State") or {}
    if not state.get("Running") or not state.get("Pid"):
        return None
    config = inspected.get("Config") or {}
    network = inspected.get("NetworkSettings") or {}
    endpoints = network.get("Networks") or {}
    host = inspected.get("HostConfig") or {}
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
        # frozen: its kernel still takes connections for it
        health="unhealthy" if state.get("Paused") else "" if health == "none" else health,
        stop_signal=_signal(config.get("StopSignal") or ""),
        stop_timeout=_seconds(config.get("StopTimeout")),
        runtime=host.get("Runtime") or "",
    )


def touched(event: Json) -> Event | None:
    """Return what an event tells of a container whose record it may have changed, else ``None``."""
    actor = event.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    action = str(event.get("Action") or "").partition(":")[0]
    if action not in EVENT_FILTERS["event"]:
        return None
    container = attributes.get("container") if event.get("Type") == "network" else actor.get("ID")
    if not container:
        return None
    number = _signal(attributes.get("signal") or "") if action == KILL else 0
    return Event(container, action, number, (event.get("timeNano") or 0) / 1e9)


def _signal(text: str) -> int:
    """Return the number of a signal: ``15``, ``TERM``, ``SIGTERM`` and ``SIGRTMIN+3`` are ones.

    What is none counts as SIGTERM: Docker would not have started the container.
    """
    name = text.upper().removeprefix("SIG")
    if name.isdecimal():
        return int(name)
    if found := re.fullmatch(r"(RTMIN|RTMAX)([+-]\d{1,2})?", name):
        return _REAL_TIME[found[1]] + int(found[2] or 0)
    known = {one.name: one.value for one in signal.Signals}
    return known.get(f"SIG{name}", STOP_SIGNAL.value)


def _seconds(given: object) -> float:
    """Docker has -1 for ever, which a day stands for."""
    if not isinstance(given, int | float):
        return STOP_TIMEOUT
    return float(given) if given >= 0 else 86400.0


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
