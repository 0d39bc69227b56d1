"""The few netlink messages that planes need, in the namespace of the calling thread.

Formats: nfnetlink_conntrack.h, nf_tables.h.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from arpanet import sockets

__all__ = [
    "Flow",
    "answered",
    "chains",
    "delete_flow",
    "ends",
    "flows",
    "generation",
    "rules",
]

_NETFILTER = 12
_ATTRIBUTE = struct.Struct("=HH")
_NESTED = 0x8000
_NFT_GETGEN, _NFTA_GEN_ID = 0xA10, 1
_NFT_GETCHAIN, _NFT_GETRULE, _NFTA_TABLE = 0xA04, 0xA07, 1
_CT_GET, _CT_DELETE = 0x101, 0x102
_CTA_ORIG, _CTA_REPLY, _CTA_STATUS = 1, 2, 3
_IPS_SEEN_REPLY, _IPS_DST_NAT = 1 << 1, 1 << 5


@dataclass(frozen=True)
class Flow:
    """A connection, as the kernel keeps track of it; of UDP, a socket and what it sends to.

    :ivar source: (ip, port) that the app connected from.
    :ivar dialled: (ip, port) that the app dialled.
    :ivar target: (ip, port) that answers, or is to: *answered* tells whether it has.
    """

    source: tuple[str, int]
    dialled: tuple[str, int]
    target: tuple[str, int]
    answered: bool = True


def generation() -> int:
    """Return the number of the rule set that is in force: every change by anybody makes another.

    :raises OSError: the kernel says no.
    """
    (answer,) = sockets.ask(
        _NETFILTER, _NFT_GETGEN, sockets.REQUEST, struct.pack("=BBH", 0, 0, 0), answers=1
    )
    return int.from_bytes(dict(sockets.attributes(answer[4:]))[_NFTA_GEN_ID], "big")


def chains(table: str) -> Iterator[bytes]:
    """Yield the chains of an IPv4 table, in the kernel's words; none where there is no such table.

    :raises OSError: the kernel says no.
    """
    return _of(table, _NFT_GETCHAIN)


def rules(table: str) -> Iterator[bytes]:
    """Yield the rules of an IPv4 table, as :func:`chains` its chains.

    Each has a number that no other rule of the table is ever given. What is in sets is not told.
    """
    return _of(table, _NFT_GETRULE)


def flows(elsewhere: bool = True, protocol: int = socket.IPPROTO_TCP) -> list[Flow]:
    """Return the connections of this namespace that were sent elsewhere (DNAT).

    :param elsewhere: false: those as well that were not.
    :param protocol: theirs.
    :raises OSError: the kernel says no.
    """
    found = []
    for answer in sockets.ask(_NETFILTER, _CT_GET, sockets.REQUEST | sockets.DUMP, _nfgen()):
        one, sent = _flow(answer, protocol)
        if one and (sent or not elsewhere):
            found.append(one)
    return found


def answered(source: tuple[str, int], dialled: tuple[str, int]) -> bool:
    """Return whether there was an answer to this TCP connection of which the kernel keeps track.

    :raises OSError: there is none, or the kernel says no.
    """
    body = _body(source, dialled, socket.IPPROTO_TCP)
    (answer,) = sockets.ask(_NETFILTER, _CT_GET, sockets.REQUEST, body, answers=1)
    one, _ = _flow(answer, socket.IPPROTO_TCP)
    return one is not None and one.answered


def ends(found: Iterable[Flow]) -> dict[tuple[tuple[str, int], tuple[str, int]], tuple[str, int]]:
    """Return (who connected, what was dialled) -> who answers, or is to; pure."""
    return {(one.source, one.dialled): one.target for one in found}


def delete_flow(
    source: tuple[str, int], dialled: tuple[str, int], protocol: int = socket.IPPROTO_TCP
) -> None:
    """Make the kernel forget a connection of which it keeps track, sent elsewhere or not.

    :raises OSError: there is none, or the kernel says no.
    """
    body = _body(source, dialled, protocol)
    list(sockets.ask(_NETFILTER, _CT_DELETE, sockets.REQUEST | sockets.ACK, body))


def _of(table: str, kind: int) -> Iterator[bytes]:
    name = table.encode() + b"\0"
    request = _nfgen() + _attribute(_NFTA_TABLE, name)
    for answer in sockets.ask(_NETFILTER, kind, sockets.REQUEST | sockets.DUMP, request):
        told = answer[4:]  # before it is the number of the rule set
        if next(sockets.attributes(told)) == (_NFTA_TABLE, name):  # only newer kernels choose
            yield told


def _nfgen() -> bytes:
    return struct.pack("=BBH", socket.AF_INET, 0, 0)


def _body(source: tuple[str, int], dialled: tuple[str, int], protocol: int) -> bytes:
    """Return what names one connection in a request."""
    both = (source, dialled)
    ips = [_attribute(kind, socket.inet_aton(ip)) for kind, (ip, _) in enumerate(both, 1)]
    ports = [_attribute(kind, port.to_bytes(2, "big")) for kind, (_, port) in enumerate(both, 2)]
    parts = [b"".join(ips), b"".join([_attribute(1, bytes([protocol])), *ports])]
    original = b"".join(_attribute(kind, one, nested=True) for kind, one in enumerate(parts, 1))
    return _nfgen() + _attribute(_CTA_ORIG, original, nested=True)


def _flow(answer: bytes, protocol: int) -> tuple[Flow | None, bool]:
    """Return what is told of one connection, if it is of *protocol*, and whether it has a DNAT."""
    attributes = dict(sockets.attributes(answer[4:]))
    (status,) = struct.unpack(">I", attributes.get(_CTA_STATUS, b"\0\0\0\0"))
    original, reply = (_tuple(attributes[one], protocol) for one in (_CTA_ORIG, _CTA_REPLY))
    if not original or not reply:
        return None, False
    return Flow(*original, reply[0], bool(status & _IPS_SEEN_REPLY)), bool(status & _IPS_DST_NAT)


def _tuple(data: bytes, protocol: int) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """Return (source, destination) of a tuple of *protocol* over IPv4 (CTA_TUPLE_*)."""
    parts = dict(sockets.attributes(data))
    ip, proto = (
        dict(sockets.attributes(parts.get(1, b""))),
        dict(sockets.attributes(parts.get(2, b""))),
    )
    if proto.get(1) != bytes([protocol]) or not {1, 2} <= ip.keys():
        return None
    source, destination = (socket.inet_ntoa(ip[one]) for one in (1, 2))
    return (source, int.from_bytes(proto[2], "big")), (destination, int.from_bytes(proto[3], "big"))


def _attribute(kind: int, value: bytes, nested: bool = False) -> bytes:
    header = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | (_NESTED if nested else 0))
    return header + value + b"\0" * (-len(value) % 4)
