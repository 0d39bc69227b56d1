"""etcd's v3 JSON: what is sent, and what comes back, as plain values. No I/O.

Keys and values travel in base64, 64-bit numbers as strings, and fields that are empty, false or 0
are left out (etcd 3.4 to 3.7). Keys and values are text here; bytes that are no UTF-8 survive a
round trip.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arpanet import RegistryError, RegistryUnreachable, codec
from arpanet_etcd.client.position import Position

__all__ = [
    "Compacted",
    "EtcdError",
    "Event",
    "NotEtcd",
    "RangeResult",
    "TxnResult",
    "Unanswered",
    "Value",
    "absent",
    "at_revision",
    "decode",
    "delete_op",
    "encode",
    "events",
    "failure",
    "full",
    "header",
    "held_by",
    "kvs",
    "none_below",
    "position",
    "prefix_end",
    "put_op",
    "range_op",
    "value_is",
]

#: gRPC codes (google.golang.org/grpc/codes) that matter here.
UNKNOWN, DEADLINE, NOT_FOUND, PRECONDITION, UNIMPLEMENTED, UNAVAILABLE = 2, 4, 5, 9, 12, 14
INVALID, PERMISSION, EXHAUSTED, UNAUTHENTICATED = 3, 7, 8, 16
#: The last of them.
CODES = 16
#: In the place of a lease: the one that the key lives with already.
SAME = -1

Json = dict[str, Any]


class EtcdError(RegistryError):
    """etcd answered, and said no.

    :ivar code: its gRPC code: 5 lease not found, 9 precondition, 14 unavailable or no leader.
    """

    def __init__(self, message: str, code: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code

    @property
    def temporary(self) -> bool:
        """Whether another member, or the same one later, may answer better."""
        # etcd 3.4 says code 2 where later ones say 4
        late = self.code == UNKNOWN and "timed out" in self.message
        # code 9 from etcd 3.6 on, 14 before
        learner = self.code == PRECONDITION and "not supported for learner" in self.message
        # what is between etcd's gateway and etcd broke, as it does when etcd ends or has just begun
        broken = self.code == UNKNOWN and "transport: " in self.message
        return late or learner or broken or self.code in (DEADLINE, UNAVAILABLE)


class NotEtcd(EtcdError, RegistryUnreachable):
    """Something answered, but not as etcd does: another service, a proxy, TLS on a plain port."""


class Compacted(EtcdError):
    """A watch asked for history that etcd has dropped; list again, and watch from there."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"etcd dropped its history before revision {revision}", 11)
        self.revision = revision


class Unanswered(RegistryUnreachable):
    """A request that must not be repeated was sent and not answered: maybe it was applied."""


class Value(NamedTuple):
    """What a key holds.

    :ivar mod_revision: the store's revision at its last change.
    :ivar lease: what it lives with, 0: it stays.
    """

    value: str
    mod_revision: int
    lease: int
    create_revision: int


@dataclass(frozen=True)
class RangeResult:
    """Keys and what they held at one *revision* of the store.

    :ivar position: the same moment, and whose it is.
    """

    kvs: Mapping[str, Value]
    revision: int
    position: Position


@dataclass(frozen=True)
class Event:
    """One change of one key, at *revision*; *value* is ``None`` when it was deleted."""

    key: str
    value: Value | None
    revision: int


@dataclass(frozen=True)
class TxnResult:
    """What became of a transaction.

    :ivar succeeded: the comparisons held, and *success* was applied, else *failure*.
    :ivar reads: what the range operations of the applied branch found, in their order.
    """

    succeeded: bool
    revision: int
    reads: tuple[Mapping[str, Value], ...] = field(default=())


def encode(text: str) -> str:
    """Return *text* as etcd's JSON carries keys and values."""
    return b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def decode(data: str) -> str:
    """Return the text of a key or value; the reverse of :func:`encode`."""
    return b64decode(data).decode("utf-8", "surrogateescape")


def prefix_end(prefix: str) -> str:
    """Return the first key after all that begin with *prefix*."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def kvs(found: Json) -> dict[str, Value]:
    """Return the keys of a range answer, in etcd's order."""
    return dict(_pair(kv) for kv in found.get("kvs", ()))


def _pair(kv: Json) -> tuple[str, Value]:
    numbers = (int(kv.get(name, 0)) for name in ("mod_revision", "lease", "create_revision"))
    return decode(kv["key"]), Value(decode(kv.get("value", "")), *numbers)


def events(result: Json) -> tuple[Event, ...]:
    """Return the changes of one watch answer."""
    found = []
    for one in result.get("events", ()):
        key, value = _pair(one["kv"])
        deleted = one.get("type") == "DELETE"
        found.append(Event(key, None if deleted else value, value.mod_revision))
    return tuple(found)


def failure(status: int, body: bytes) -> EtcdError:
    """Return the error of an HTTP answer: etcd's own are JSON, in two forms."""
    try:
        said = codec.parse(body)
        said = said["error"] if isinstance(said.get("error"), dict) else said
        code = int(said.get("code") or said["grpc_code"])
        message = str(said.get("message") or said.get("error"))
        if not 0 < code <= CODES:
            raise ValueError(f"{code} is no code of gRPC's")
    except (ValueError, TypeError, AttributeError, KeyError):
        return not_etcd(status, body)
    return EtcdError(f"etcd says: {message.removeprefix('etcdserver: ')}", code)


def not_etcd(status: int, body: bytes) -> NotEtcd:
    """Return the error for an answer that can't be etcd's v3 gateway's."""
    words = " ".join(body[:60].decode(errors="replace").split())
    words = "".join(one for one in words if one.isprintable())
    if b"HTTPS server" in body:
        words = "it speaks TLS"
    code = UNIMPLEMENTED if status == 404 else UNAVAILABLE
    hint = "is this an etcd 3.4 or later, with its gRPC gateway?"
    return NotEtcd(f"no etcd answers, but HTTP {status} {words}".rstrip(), code, hint)


def full(problem: EtcdError) -> bool:
    """Whether etcd is out of space: it takes deletions only."""
    return problem.code == EXHAUSTED and "space" in problem.message


def header(answer: Json) -> Json:
    """Return the header of an answer, or of a stream's first one; ``{}``: it has none."""
    for one in (answer, answer.get("result")):
        if isinstance(one, dict) and isinstance(found := one.get("header"), dict):
            return found
    return {}


def position(answer: Json) -> Position:
    """Return where in its history the store was.

    :raises ValueError: the answer's header is none of etcd's.
    """
    found = header(answer)
    try:
        return Position(
            str(int(found["cluster_id"])),
            int(found.get("raft_term", 0)),
            int(found.get("revision", 0)),
        )
    except (KeyError, TypeError) as problem:
        raise ValueError("has no header of etcd's") from problem


# -- parts of a transaction ----------------------------------------------------------------------


def at_revision(key: str, mod_revision: int) -> Json:
    """Compare: *key* was last changed at *mod_revision*."""
    return {"key": encode(key), "target": "MOD", "mod_revision": str(mod_revision)}


def absent(key: str) -> Json:
    """Compare: *key* does not exist."""
    return at_revision(key, 0)


def none_below(prefix: str) -> Json:
    """Compare: no key begins with *prefix*."""
    return {**absent(prefix), "range_end": encode(prefix_end(prefix))}


def held_by(key: str, lease: int) -> Json:
    """Compare: *key* exists and lives with *lease*."""
    return {"key": encode(key), "target": "LEASE", "lease": str(lease)}


def value_is(key: str, value: str) -> Json:
    """Compare: *key* holds *value*."""
    return {"key": encode(key), "target": "VALUE", "value": encode(value)}


def put_op(key: str, value: str, lease: int = 0) -> Json:
    """Operation: let *key* hold *value*, living with *lease*; :data:`SAME`: with what it has."""
    lives: Json = {"ignore_lease": True} if lease == SAME else {"lease": str(lease)}
    return {"request_put": {"key": encode(key), "value": encode(value), **lives}}


def delete_op(key: str, range_end: str = "") -> Json:
    """Operation: delete *key*, or all keys from it up to *range_end*."""
    return {"request_delete_range": {"key": encode(key), "range_end": encode(range_end)}}


def range_op(key: str, range_end: str = "") -> Json:
    """Operation: read *key*, or all keys from it up to *range_end*."""
    return {"request_range": {"key": encode(key), "range_end": encode(range_end)}}
