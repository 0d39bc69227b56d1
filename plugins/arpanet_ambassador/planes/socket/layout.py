"""The maps as plane.bpf.c lays them out, and entries <-> bytes; pure."""

import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from arpanet_ambassador.planes.socket import bpf

__all__ = [
    "ANY_LOOPBACK",
    "BY_CGROUP",
    "CGROUP",
    "HOOKS",
    "LAYOUT",
    "LOCALHOST",
    "MAPS",
    "MOST_TARGETS",
    "PROTOCOLS",
    "SPACE",
    "Address",
    "Dialled",
    "Flow",
    "MapKind",
    "Seen",
    "Traffic",
    "Use",
    "new_link",
    "pack_address",
    "pack_dialled",
    "pack_pool",
    "pack_space",
    "pack_u32",
    "pool_key",
    "pool_of_link",
    "unpack_address",
    "unpack_dialled",
    "unpack_flow",
    "unpack_use",
]

#: Maps of one layout are used on by the next version of the programs; others are made anew.
LAYOUT = 1

#: Program -> where it is attached (``enum bpf_attach_type``).
HOOKS = {
    "connect4": 10,
    "connect6": 11,
    "sendmsg4": 14,
    "sendmsg6": 15,
    "recvmsg4": 19,
    "recvmsg6": 20,
    "getpeername4": 29,
    "getpeername6": 30,
}
PROTOCOLS = {"tcp": 6, "udp": 17}
_NAMES = {number: name for name, number in PROTOCOLS.items()}

#: Docker's own resolver is never translated.
LOCALHOST = "127.0.0.1"
#: As a dialled address: all of 127.0.0.0/8, and ``::1``.
ANY_LOOPBACK = "127.0.0.0"
#: Marks the id of a cgroup, among cookies of network namespaces.
CGROUP = 1 << 63
#: How many targets a pool can have; more than that are never needed at once by one host.
MOST_TARGETS = 128
#: What a space is: a network namespace or a cgroup, or a namespace told apart by cgroups.
SPACE, BY_CGROUP = 0, 1

_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")
_ADDRESS = struct.Struct("=16s2s2x")
_DIALLED = struct.Struct("=Q16s2s2xI")
_USE = struct.Struct("=QQQII")
_POOL = struct.Struct("=II")
_FLOW = struct.Struct("=Q16s2s2x16s2s2xI4x")
_TRAFFIC = struct.Struct("=QQ")
_MAPPED = b"\0" * 10 + b"\xff\xff"
_WAYS = 4 + 4 * 2 * _ADDRESS.size

Address = tuple[str, int]


@dataclass(frozen=True)
class MapKind:
    """How a map is made; sizes in bytes."""

    kind: int
    key: int
    value: int
    entries: int
    flags: int = 0


MAPS = {
    "spaces": MapKind(bpf.HASH, 8, 4, 16384, bpf.NO_PREALLOC),
    "links": MapKind(bpf.HASH, _DIALLED.size, _U64.size + _USE.size, 65536, bpf.NO_PREALLOC),
    "pools": MapKind(
        bpf.HASH, 8, _POOL.size + MOST_TARGETS * _ADDRESS.size, 16384, bpf.NO_PREALLOC
    ),
    "usual": MapKind(bpf.LRU_HASH, _DIALLED.size, _ADDRESS.size, 65536),
    "ways": MapKind(bpf.SK_STORAGE, 4, _WAYS, 0, bpf.NO_PREALLOC),
    "flows": MapKind(bpf.LRU_HASH, _FLOW.size, _TRAFFIC.size, 32768),
}


class Dialled(NamedTuple):
    """What one client dials.

    :ivar space: cookie of its network namespace, or id of its cgroup with :data:`CGROUP`.
    :ivar protocol: ``tcp`` or ``udp``.
    """

    space: int
    address: str
    port: int
    protocol: str = "tcp"


class Use(NamedTuple):
    """What became of a link's dials.

    :ivar made: connections and, of datagram sockets without one, pairs of socket and target.
    :ivar last: when, in seconds of the monotonic clock; 0.0: never.
    """

    made: int = 0
    refused: int = 0
    last: float = 0.0


class Flow(NamedTuple):
    """Who talks to whom.

    :ivar target: where it went; ``None``: it was refused, since the link had no target.
    """

    dialled: Dialled
    target: Address | None


class Traffic(NamedTuple):
    """How many connections (or datagrams, of sockets without one) a flow was, and when the last.

    :ivar last: seconds of the monotonic clock.
    """

    times: int
    last: float


class Seen(NamedTuple):
    """A flow of a client.

    :ivar client: its network namespace.
    :ivar target: ``None``: it was refused.
    """

    client: str
    dialled: Dialled
    target: Address | None
    traffic: Traffic


def pack_u32(number: int) -> bytes:
    """Return a number of 32 bits."""
    return _U32.pack(number)


def pack_space(space: int) -> bytes:
    """Return the key of a space."""
    return _U64.pack(space)


def pool_key(name: str) -> bytes:
    """Return the key of a pool: the same in every process, without a list of who has which."""
    return blake2b(name.encode(), digest_size=_U64.size).digest()


def pack_address(one: Address) -> bytes:
    """Return an address as the programs have it."""
    return _ADDRESS.pack(_ip(one[0]), _port(one[1]))


def unpack_address(packed: bytes) -> Address:
    """Return the address that *packed* begins with."""
    ip, port = _ADDRESS.unpack_from(packed)
    return _text(ip), int.from_bytes(port, "big")


def pack_dialled(one: Dialled) -> bytes:
    """Return the key of a link."""
    return _DIALLED.pack(one.space, _ip(one.address), _port(one.port), PROTOCOLS[one.protocol])


def unpack_dialled(key: bytes) -> Dialled:
    """Return what a link's key means."""
    space, ip, port, protocol = _DIALLED.unpack(key)
    return Dialled(space, _text(ip), int.from_bytes(port, "big"), _NAMES.get(protocol, "?"))


def new_link(pool: bytes) -> bytes:
    """Return a link to a pool, by its key, that was not used yet and begins with any target."""
    return pool + _USE.pack(0, 0, 0, random.getrandbits(32), 0)


def pool_of_link(value: bytes) -> bytes:
    """Return the key of the pool that a link leads to."""
    return value[: _U64.size]


def unpack_use(value: bytes) -> Use:
    """Return the counters of a link."""
    made, refused, last, _, _ = _USE.unpack_from(value, _U64.size)
    return Use(made, refused, last / 1e9)


def pack_pool(targets: Sequence[Address]) -> bytes:
    """Return a pool of *targets*, IPv4 first, then sorted: the same ones are the same bytes.

    :raises ValueError: there are more than :data:`MOST_TARGETS`.
    """
    if len(targets) > MOST_TARGETS:
        raise ValueError(f"{len(targets)} targets are more than {MOST_TARGETS}")
    ordered = sorted(targets, key=lambda one: (":" in one[0], _ip(one[0]), one[1]))
    ipv4 = sum(":" not in ip for ip, _ in ordered)
    packed = b"".join(map(pack_address, ordered))
    return (_POOL.pack(ipv4, len(ordered) - ipv4) + packed).ljust(MAPS["pools"].value, b"\0")


def unpack_flow(key: bytes, value: bytes) -> tuple[Flow, Traffic]:
    """Return an observed flow."""
    space, ip, port, target_ip, target_port, protocol = _FLOW.unpack(key)
    times, last = _TRAFFIC.unpack(value)
    dialled = Dialled(space, _text(ip), int.from_bytes(port, "big"), _NAMES.get(protocol, "?"))
    target = (_text(target_ip), int.from_bytes(target_port, "big")) if any(target_ip) else None
    return Flow(dialled, target), Traffic(times, last / 1e9)


def _ip(text: str) -> bytes:
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return _MAPPED + socket.inet_pton(socket.AF_INET, text)


def _text(packed: bytes) -> str:
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _port(number: int) -> bytes:
    return number.to_bytes(2, "big")
