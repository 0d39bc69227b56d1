"""Records as keys and values, and back. Pure.

Below ``ETCD_PATH``:

    /services/<name>/<instance id>   ``ip:port``, as registrator writes it: for confd, Traefik, curl
    /instances/<instance id>         the whole record, as JSON
    /hosts/<hostname>                the host's record, as JSON

Names and ids are percent-encoded where they hold what a path can't; common ones stay as they are.
Readers take what they know: later versions may add fields.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from arpanet import Host, Instance

__all__ = ["Key", "Layout", "instance_of_leaf", "read_host", "read_instance", "write"]

#: A leading underscore would hide a key in v2; "." and ".." are resolved there.
UNSAFE = re.compile(r"^[_.]|[^A-Za-z0-9!$&'()*+,;=:@~._-]")
#: registrator's pattern for its own ids.
ID = re.compile(r"(.+?):[a-zA-Z0-9][a-zA-Z0-9_.-]+:[0-9]+(:udp)?")


class Key(NamedTuple):
    """What a key speaks of.

    :ivar kind: ``services``, ``instances`` or ``hosts``.
    :ivar id: of the instance, or the host's name.
    :ivar service: the service's name, for ``services`` only.
    """

    kind: str
    id: str
    service: str = ""


class Layout:
    """The keys below one path.

    :param path: ``ETCD_PATH``: begins with a slash and does not end with one.
    """

    def __init__(self, path: str) -> None:
        self.root = f"{path}/"

    def host(self, name: str) -> str:
        """Return the key of a host's record."""
        return f"{self.root}hosts/{_escape(name)}"

    def record(self, instance_id: str) -> str:
        """Return the key of an instance's record."""
        return f"{self.root}instances/{_escape(instance_id)}"

    def entries(self, instance: Instance) -> dict[str, str]:
        """Return all keys and values of *instance*, its record first."""
        found = {self.record(instance.id): write(instance)}
        for name in filter(None, instance.services):
            found[f"{self.root}services/{_escape(name)}/{_escape(instance.id)}"] = instance.address
        return found

    def parse(self, key: str) -> Key | None:
        """Return what *key* speaks of, ``None`` when it is not one of these."""
        if not key.startswith(self.root):
            return None
        kind, *parts = map(unquote, key[len(self.root) :].split("/"))
        if not all(parts):
            return None
        if kind == "services" and len(parts) == 2:
            return Key(kind, parts[1], parts[0])
        if kind in ("instances", "hosts") and len(parts) == 1:
            return Key(kind, parts[0])
        return None


def _escape(text: str) -> str:
    return UNSAFE.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), text)


# -- values --------------------------------------------------------------------------------------


def write(record: Host | Instance) -> str:
    """Return *record* as JSON; equal records give equal text."""
    # not asdict(): it copies deeply, which takes ten times as long
    return json.dumps(vars(record), sort_keys=True, separators=(",", ":"), default=dict)


def read_instance(instance_id: str, text: str) -> Instance:
    """Return the instance that :func:`write` made *text* of.

    :raises ValueError: it can't be one: what is missing or has the wrong type.
    """
    given = _object(text)
    if given.get("id", instance_id) != instance_id:
        raise ValueError(f"is the record of {given['id']!r}")
    protocol = _text(given, "protocol") or "tcp"
    if protocol not in ("tcp", "udp"):
        raise ValueError(f"protocol is {protocol!r}")
    return Instance(
        id=instance_id,
        services=_texts(given, "services"),
        host=_text(given, "host"),
        ip=_ip(given.get("ip")),
        port=_port(given.get("port")),
        protocol=protocol,
        container=_text(given, "container"),
        tags=_texts(given, "tags"),
        attrs=_mapping(given, "attrs"),
        health=_text(given, "health"),
        local=_mapping(given, "local"),
    )


def read_host(name: str, text: str) -> Host:
    """Return the host that :func:`write` made *text* of.

    :raises ValueError: it can't be one.
    """
    given = _object(text)
    started = given.get("started", 0)
    if not isinstance(started, int | float):
        raise ValueError("started is no number")
    return Host(
        name=name,
        address=_text(given, "address"),
        engine=_text(given, "engine"),
        roles=_texts(given, "roles"),
        version=_text(given, "version"),
        started=float(started),
    )


def instance_of_leaf(instance_id: str, services: tuple[str, ...], address: str) -> Instance:
    """Return the least that an ``ip:port`` tells, written by hand or by registrator.

    :raises ValueError: *address* is no address.
    """
    ip, colon, port = address.strip().rpartition(":")
    if not (colon and port.isdecimal()):
        raise ValueError(f"{address[:60]!r} is no ip:port")
    known = ID.fullmatch(instance_id)
    return Instance(
        id=instance_id,
        services=services,
        host=known[1] if known else "",
        ip=_ip(ip.removeprefix("[").removesuffix("]")),
        port=_port(int(port)),
        protocol="udp" if known and known[2] else "tcp",
    )


def _object(text: str) -> Mapping[str, Any]:
    given = json.loads(text)
    if not isinstance(given, dict):
        raise ValueError("is no JSON object")
    return given


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise ValueError(f"{name} is no list of texts")
    return tuple(value)


def _mapping(given: Mapping[str, Any], name: str) -> dict[str, str]:
    value = given.get(name, {})
    if not (isinstance(value, dict) and all(isinstance(one, str) for one in value.values())):
        raise ValueError(f"{name} is no mapping of texts")
    return value


def _ip(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("ip is missing")
    return str(ipaddress.ip_address(value))


def _port(value: object) -> int:
    if not (type(value) is int and 0 < value < 65536):
        raise ValueError(f"port is {value!r}")
    return value
