"""Records as JSON text, and back: what a registry keeps. Pure.

Readers take what they know: later versions may add fields. What makes no sense is refused, since
whoever may write to a registry decides what other hosts dial.
"""

import ipaddress
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import accumulate
from typing import Any

from arpanet import hostport
from arpanet.records import Host, Instance, Link, Target

__all__ = [
    "decode_address",
    "decode_host",
    "decode_instance",
    "decode_links",
    "decode_object",
    "encode",
    "encode_links",
    "pack_link",
    "pack_links",
    "pack_targets",
    "parse",
    "refuse_deep",
    "unpack_links",
]

#: Characters of a record that a reader looks at. Writers are refused far below it.
LIMIT = 1_000_000
#: How deep lists and objects may lie in one another. At some hundreds more Python's own limit is
#: reached, and whatever runs there by chance fails, too: finalizers of garbage, for one.
DEPTH = 100
#: Of a text all that says how deep it is, with one kind of brackets, and the quotes of strings.
BRACKETS = bytes.maketrans(b"{}", b"[]")
OTHERS = bytes(set(range(256)) - set(b'[]{}"'))
#: One deeper, one less deep, as signed bytes.
STEPS = bytes.maketrans(b"[]", b"\x01\xff")
#: Characters of a text that many records may share: it is kept once for all of them.
SHARED = 40


def encode(record: Host | Instance) -> str:
    """Return *record* as JSON; equal records give equal text."""
    # not asdict(): it copies deeply, which takes ten times as long
    names = (one.name for one in fields(record) if one.name != "unconfirmed")
    given = {name: getattr(record, name) for name in names}
    return json.dumps(given, sort_keys=True, separators=(",", ":"), default=dict)


def decode_instance(instance_id: str, text: str) -> Instance:
    """Return the instance that :func:`encode` made *text* of.

    :param instance_id: what it is kept under.
    :raises ValueError: it can't be one: what is missing or has the wrong type.
    """
    given = decode_object(text)
    if given.get("id", instance_id) != instance_id:
        raise ValueError(f"is the record of {given['id']!r}")
    protocol = _text(given, "protocol") or "tcp"
    if protocol not in ("tcp", "udp"):
        raise ValueError(f"protocol is {protocol!r}")
    return Instance(
        id=instance_id,
        services=_texts(given, "services"),
        host=_text(given, "host"),
        ip=_ip(given.get("ip")) if given.get("ip") != "" else "",
        port=_port(given.get("port")),
        protocol=protocol,
        container=_text(given, "container"),
        tags=_texts(given, "tags"),
        attrs=_attrs(given),
        health=_text(given, "health"),
        local=_mapping(given, "local"),
        started=_seconds(given, "started"),
    )


def decode_host(name: str, text: str) -> Host:
    """Return the host that :func:`encode` made *text* of.

    :param name: what it is kept under.
    :raises ValueError: it can't be one.
    """
    given = decode_object(text)
    return Host(
        name=name,
        address=_text(given, "address"),
        engine=_text(given, "engine"),
        roles=_texts(given, "roles"),
        version=_text(given, "version"),
        started=_seconds(given, "started"),
        listed=_count(given, "listed"),
    )


def encode_links(links: Iterable[Link]) -> str:
    """Return *links* as JSON, without their counters, which change all the time."""
    return json.dumps(pack_links(links), separators=(",", ":"))


def decode_links(text: str) -> tuple[Link, ...]:
    """Return the links that :func:`encode_links` made *text* of.

    :raises ValueError: it can't be such.
    """
    return unpack_links(decode_object(text))


def pack_links(links: Iterable[Link]) -> dict[str, Any]:
    """Return what :func:`encode_links` makes text of: a place's targets stand in it only once.

    A thousand clients of one service with a hundred instances share one tuple of targets.
    """
    places: dict[int, int] = {}
    targets: list[list[tuple[str, int, str]]] = []
    rows = []
    for one in links:
        place = places.setdefault(id(one.targets), len(targets))
        if place == len(targets):
            targets.append(pack_targets(one.targets))
        rows.append(pack_link(one, place))
    return {"targets": targets, "links": rows}


def pack_targets(targets: Iterable[Target]) -> list[tuple[str, int, str]]:
    """Return what is among ``targets`` in :func:`pack_links`, of one place."""
    return [(one.ip, one.port, one.instance) for one in targets]


def pack_link(link: Link, place: int) -> tuple[int | str, ...]:
    """Return what is among ``links`` in :func:`pack_links`; *place* is that of its targets."""
    texts = (link.client, link.spec, link.dials, link.plane, link.error, link.note)
    return (link.port, place, *texts)


def unpack_links(packed: Mapping[str, Any]) -> tuple[Link, ...]:
    """Return the links that :func:`pack_links` was given.

    :raises ValueError: it can't be such.
    """
    targets = [tuple(map(_target, _list(one))) for one in _list(packed.get("targets"))]
    return tuple(_link(one, targets) for one in _list(packed.get("links")))


def _link(row: object, targets: Sequence[tuple[Target, ...]]) -> Link:
    match row:
        case [
            int() as port,
            int() as place,
            str() as client,
            str() as spec,
            str() as dials,
            str() as plane,
            str() as error,
            str() as note,
        ] if 0 <= place < len(targets):
            return Link(client, port, spec, dials, targets[place], plane, error, note)
    raise ValueError("a link is none")


def _target(given: object) -> Target:
    match given:
        case [str() as ip, int() as port, str() as instance]:
            return Target(ip, port, instance)
    raise ValueError("a target is none")


def _list(given: object) -> list[object]:
    if not isinstance(given, list):
        raise ValueError("is no list")
    return given


def decode_address(text: str) -> tuple[str, int]:
    """Return (ip, port) of an :attr:`Instance.address <arpanet.records.Instance.address>`.

    :raises ValueError: *text* is no ``ip:port``, an IPv6 address in brackets.
    """
    ip, port = hostport.split(text.strip())
    if port is None:
        raise ValueError(f"{text[:60]!r} is no ip:port")
    return _ip(ip), port


def decode_object(text: str) -> Mapping[str, Any]:
    """Return the JSON object that *text*, which others wrote, is.

    :raises ValueError: it is none, or too long.
    """
    if len(text) > LIMIT:
        raise ValueError(f"has {len(text)} characters, more than {LIMIT}")
    given = parse(text)
    if not isinstance(given, dict):
        raise ValueError("is no JSON object")
    return given


def parse(text: str | bytes) -> Any:
    """Return what *text* is in JSON, of whatever size, and whoever wrote it.

    :param text: bytes are UTF-8 (RFC 8259, 8.1).
    :raises ValueError: it is no JSON, or lies more than 100 lists and objects deep.
    """
    refuse_deep(text)
    return json.loads(text if isinstance(text, str) else text.decode())


def refuse_deep(text: str | bytes) -> None:
    """Refuse what is too deep before any parser goes down there; 10 MB take some milliseconds.

    :raises ValueError: it is deeper than 100, or no JSON.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if raw.translate(BRACKETS, OTHERS).count(b"[") <= DEPTH:
        return
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # two quotes side by side change nothing for what stands around them
    marks = raw.translate(BRACKETS, OTHERS).replace(b'""', b"")
    brackets = b"".join(marks.split(b'"')[::2])  # without what is in strings
    steps = memoryview(brackets.translate(STEPS)).cast("b")
    if any(depth > DEPTH for depth in accumulate(steps)):
        raise ValueError("is nested too deeply")


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return _once(value)


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise ValueError(f"{name} is no list of texts")
    return _alike(tuple(map(_once, value)))


def _mapping(given: Mapping[str, Any], name: str) -> dict[str, str]:
    value = given.get(name, {})
    if not (isinstance(value, dict) and all(isinstance(one, str) for one in value.values())):
        raise ValueError(f"{name} is no mapping of texts")
    return {_once(key): _once(text) for key, text in value.items()}


@lru_cache(1 << 10)
def _alike(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of equal ones: a service's instances are alike in nearly all."""
    return texts


def _attrs(given: Mapping[str, Any]) -> Mapping[str, str]:
    return _alike_attrs(tuple(_mapping(given, "attrs").items()))


@lru_cache(1 << 10)
def _alike_attrs(items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return one mapping for all that have the same; nobody may change a record's."""
    return dict(items)


def _once(text: str) -> str:
    return sys.intern(text) if len(text) <= SHARED else text


def _seconds(given: Mapping[str, Any], name: str) -> float:
    value = given.get(name, 0)
    # an integer may be larger than any float, and JSON as Python reads it knows NaN and Infinity
    if type(value) not in (int, float) or not abs(value) < 1e12:
        raise ValueError(f"{name} is no time in seconds")
    return float(value)


def _count(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name, 0)
    if not (type(value) is int and 0 <= value < 2**63):
        raise ValueError(f"{name} is no count")
    return value


def _ip(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("ip is missing")
    address = ipaddress.ip_address(value)
    # 4-in-6 hides any of the others from whoever looks at the first digits
    mapped = address.version == 6 and address.ipv4_mapped
    here = address.is_loopback or address.is_link_local or address.is_unspecified
    many = address.is_multicast or str(address) == "255.255.255.255"
    if mapped or here or many or "%" in value:
        raise ValueError(f"{address!s} is no address that other hosts could dial")
    return _once(str(address))


def _port(value: object) -> int:
    if not (type(value) is int and 0 < value < 65536):
        raise ValueError(f"port is {value!r}")
    return value
