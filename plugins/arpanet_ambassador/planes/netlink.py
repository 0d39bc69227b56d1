"""The few netlink messages that planes need, in the namespace of the calling thread.

Own code, since pyroute2's ``inet_diag_req`` does not encode addresses, and its sockets run an
asyncio loop each, which a thread that visits a namespace for a millisecond can do without. Formats:
linux/netlink.h, inet_diag.h, nfnetlink_conntrack.h, nf_tables.h.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "Connection",
    "Flow",
    "connections",
    "delete_flow",
    "destroy",
    "destroy_socket",
    "flows",
    "generation",
    "heard",
]

_SOCK_DIAG, _NETFILTER = 4, 12
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NESTED, _TYPE_MASK = 0x8000, 0x3FFF
#: Seconds; the kernel answers at once or not at all.
_TIMEOUT = 5.0

_NFT_GETGEN, _NFTA_GEN_ID = 0xA10, 1
_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21
#: Of TCP: established, syn-sent, fin-wait-1 and -2, close-wait, last-ack (net/tcp_states.h).
_CONNECTED = sum(1 << state for state in (1, 2, 4, 5, 8, 9))
_ESTABLISHED = 1 << 1
_EVERY_STATE = 0xFFFFFFFF
#: ``struct inet_diag_msg``, behind which are attributes; ``struct tcp_info`` is one, asked for by a
#: bit of its own, and in it the milliseconds since data, and since an acknowledgement, came in.
_DIAG_MESSAGE = 72
_INFO, _ASK_INFO = 2, 1 << 1
_LAST_HEARD = struct.Struct("=52xII")
#: ``struct inet_diag_sockid``, in what is asked for and in what is answered.
_SOCKET_ID = slice(4, 52)
_MAPPED = b"\0" * 10 + b"\xff\xff"
_CT_GET, _CT_DELETE = 0x101, 0x102
_CTA_ORIG, _CTA_REPLY, _CTA_STATUS, _IPS_DST_NAT = 1, 2, 3, 1 << 5


@dataclass(frozen=True)
class Flow:
    """A TCP connection that was sent elsewhere (DNAT).

    :ivar source: (ip, port) that the app connected from.
    :ivar dialled: (ip, port) that the app dialled.
    :ivar target: (ip, port) that answers.
    :ivar original: the kernel's own description of it, by which it is deleted.
    """

    source: tuple[str, int]
    dialled: tuple[str, int]
    target: tuple[str, int]
    original: bytes


@dataclass(frozen=True)
class Connection:
    """A TCP socket that is connected.

    :ivar target: (ip, port) of its peer, IPv4 also where the socket is an IPv6 one.
    :ivar family: the socket's own; *id* is the kernel's description of it.
    """

    target: tuple[str, int]
    family: int
    id: bytes


def connections() -> list[Connection]:
    """Return the connected TCP sockets of this namespace.

    :raises OSError: the kernel says no.
    """
    return [one for one, _ in _sockets(_CONNECTED)]


def heard() -> Iterator[tuple[tuple[str, int], float]]:
    """Yield, of each established TCP socket here, its peer and the seconds since that said a thing.

    :raises OSError: the kernel says no.
    """
    for one, attributes in _sockets(_ESTABLISHED, _ASK_INFO):
        info = dict(_attributes(attributes)).get(_INFO, b"")
        if len(info) >= _LAST_HEARD.size:
            yield one.target, min(_LAST_HEARD.unpack_from(info)) / 1000


def _sockets(states: int, more: int = 0) -> Iterator[tuple[Connection, bytes]]:
    """Yield the TCP sockets of this namespace that are in one of *states*, and their attributes."""
    for family in (socket.AF_INET, socket.AF_INET6):
        body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, more, 0, states) + bytes(48)
        for answer in _ask(_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, body):
            kept = answer[_SOCKET_ID]
            (port,), peer = struct.unpack_from(">H", kept, 2), kept[20:36]
            if family == socket.AF_INET6 and peer.startswith(_MAPPED):
                ip = socket.inet_ntop(socket.AF_INET, peer[12:])
            else:
                ip = socket.inet_ntop(family, peer[:4] if family == socket.AF_INET else peer)
            yield Connection((ip, port), family, kept), answer[_DIAG_MESSAGE:]


def destroy(one: Connection) -> None:
    """Abort a socket: both sides see a reset.

    :raises OSError: it is gone, or the kernel cannot (``CONFIG_INET_DIAG_DESTROY``).
    """
    body = struct.pack("=BBBBI", one.family, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE) + one.id
    list(_ask(_SOCK_DIAG, _SOCK_DESTROY, _REQUEST | _ACK, body))


def destroy_socket(source: tuple[str, int], peer: tuple[str, int]) -> None:
    """Abort the TCP socket between *source* and *peer*: both sides see a reset.

    :raises OSError: there is none, or the kernel cannot (``CONFIG_INET_DIAG_DESTROY``).
    """
    any_socket = 0xFFFFFFFFFFFFFFFF
    address = (
        struct.pack(">HH", source[1], peer[1])
        + socket.inet_aton(source[0]).ljust(16, b"\0")
        + socket.inet_aton(peer[0]).ljust(16, b"\0")
        + struct.pack("=IQ", 0, any_socket)
    )
    body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE) + address
    list(_ask(_SOCK_DIAG, _SOCK_DESTROY, _REQUEST | _ACK, body))


def generation() -> int:
    """Return the number of the rule set that is in force: every change by anybody makes another.

    :raises OSError: the kernel says no.
    """
    (answer,) = _ask(_NETFILTER, _NFT_GETGEN, _REQUEST, struct.pack("=BBH", 0, 0, 0), answers=1)
    return int.from_bytes(dict(_attributes(answer[4:]))[_NFTA_GEN_ID], "big")


def flows() -> list[Flow]:
    """Return the TCP connections of this namespace that were sent elsewhere.

    :raises OSError: the kernel says no.
    """
    found = []
    for answer in _ask(_NETFILTER, _CT_GET, _REQUEST | _DUMP, _nfgen()):
        attributes = dict(_attributes(answer[4:]))
        (status,) = struct.unpack(">I", attributes.get(_CTA_STATUS, b"\0\0\0\0"))
        if not status & _IPS_DST_NAT:
            continue
        original, reply = _tuple(attributes[_CTA_ORIG]), _tuple(attributes[_CTA_REPLY])
        if original and reply:
            found.append(Flow(original[0], original[1], reply[0], attributes[_CTA_ORIG]))
    return found


def delete_flow(flow: Flow) -> None:
    """Make the kernel forget *flow*.

    :raises OSError: it is gone already, or the kernel says no.
    """
    body = _nfgen() + _attribute(_CTA_ORIG, flow.original, nested=True)
    list(_ask(_NETFILTER, _CT_DELETE, _REQUEST | _ACK, body))


def _nfgen() -> bytes:
    return struct.pack("=BBH", socket.AF_INET, 0, 0)


def _tuple(data: bytes) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """Return (source, destination) of a TCP tuple over IPv4 (CTA_TUPLE_*)."""
    parts = dict(_attributes(data))
    ip, proto = dict(_attributes(parts.get(1, b""))), dict(_attributes(parts.get(2, b"")))
    if proto.get(1) != bytes([socket.IPPROTO_TCP]) or not {1, 2} <= ip.keys():
        return None
    source, destination = (socket.inet_ntoa(ip[one]) for one in (1, 2))
    return (source, int.from_bytes(proto[2], "big")), (destination, int.from_bytes(proto[3], "big"))


def _attribute(kind: int, value: bytes, nested: bool = False) -> bytes:
    header = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind | (_NESTED if nested else 0))
    return header + value + b"\0" * (-len(value) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _ask(family: int, kind: int, flags: int, body: bytes, answers: int = 0) -> Iterator[bytes]:
    """Send one request and yield the bodies of its answers.

    :param answers: how many there are, where the kernel sends no word at their end.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as netlink:
        netlink.settimeout(_TIMEOUT)
        netlink.bind((0, 0))
        netlink.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
        while True:
            data = netlink.recv(1 << 18)
            while data:
                length, answer, _, _, _ = _HEADER.unpack_from(data)
                if answer == _DONE:
                    return
                if answer == _ERROR:
                    (code,) = struct.unpack_from("=i", data, _HEADER.size)
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return
                yield data[_HEADER.size : length]
                answers -= 1
                if not answers:
                    return
                data = data[(length + 3) & ~3 :]
