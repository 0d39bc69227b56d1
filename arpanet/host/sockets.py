"""TCP sockets of the calling thread's network namespace: which there are, and ending them.

Own code, since pyroute2's ``inet_diag_req`` does not encode addresses, and its sockets run an
asyncio loop each, which a thread that visits a namespace for a millisecond can do without. Formats:
linux/netlink.h, inet_diag.h.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "ACK",
    "DUMP",
    "REQUEST",
    "Connection",
    "Sign",
    "ask",
    "asking",
    "attributes",
    "connections",
    "destroy",
    "destroy_socket",
    "heard",
    "waited",
]

_SOCK_DIAG = 4
#: Flags of a request: that it is one; that it is to be answered; that all there is, is wanted.
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF
#: Seconds; the kernel answers at once or not at all.
_TIMEOUT = 5.0

_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21
#: Of TCP: established, syn-sent, fin-wait-1 and -2, close-wait, last-ack (net/tcp_states.h).
_CONNECTED = sum(1 << state for state in (1, 2, 4, 5, 8, 9))
_ESTABLISHED, _SYN_SENT = 1 << 1, 1 << 2
_EVERY_STATE = 0xFFFFFFFF
#: In ``struct inet_diag_msg``: how often it was sent again, and the milliseconds until it is once
#: more. A SYN is so after a second (``TCP_TIMEOUT_INIT``), from Linux 6.5 on some times again, and
#: then after twice as long each time.
_AGAIN, _EXPIRES = 3, slice(52, 56)
_LINEAR = Path("/proc/sys/net/ipv4/tcp_syn_linear_timeouts")
#: ``struct inet_diag_msg``, behind which are attributes; ``struct tcp_info`` is one, asked for by a
#: bit of its own, and in it the milliseconds since data, and since an acknowledgement, came in.
_DIAG_MESSAGE = 72
_INFO, _ASK_INFO = 2, 1 << 1
_LAST_HEARD = struct.Struct("=52xII")
#: ``struct inet_diag_sockid``, in what is asked for and in what is answered.
_SOCKET_ID = slice(4, 52)
_MAPPED = b"\0" * 10 + b"\xff\xff"


@dataclass(frozen=True)
class Connection:
    """A TCP socket that is connected.

    :ivar target: (ip, port) of its peer, IPv4 also where the socket is an IPv6 one.
    :ivar source: its own, the same way.
    :ivar family: the socket's own; *id* is the kernel's description of it.
    """

    target: tuple[str, int]
    source: tuple[str, int]
    family: int
    id: bytes


def connections() -> list[Connection]:
    """Return the connected TCP sockets of this namespace.

    :raises OSError: the kernel says no.
    """
    return [one for one, _ in _sockets(_CONNECTED)]


class Sign(NamedTuple):
    """What a socket tells of its peer.

    :ivar ago: seconds since the peer last said a thing; or, where it has not answered for a second
        at least, since it was first asked for a connection.
    :ivar source: (ip, port) of the socket's own.
    """

    target: tuple[str, int]
    answers: bool
    ago: float
    source: tuple[str, int]


def heard() -> Iterator[Sign]:
    """Yield what each TCP socket here that is established, or tries to be, tells of its peer.

    :raises OSError: the kernel says no.
    """
    for one, answer in _sockets(_ESTABLISHED | _SYN_SENT, _ASK_INFO):
        if 1 << answer[1] == _SYN_SENT:
            if times := answer[_AGAIN]:
                ago = waited(times, _linear()) - _left(answer)
                yield Sign(one.target, False, ago, one.source)
            continue
        info = dict(attributes(answer[_DIAG_MESSAGE:])).get(_INFO, b"")
        if len(info) >= _LAST_HEARD.size:
            ago = min(_LAST_HEARD.unpack_from(info)) / 1000
            yield Sign(one.target, True, ago, one.source)


class Asking(NamedTuple):
    """A TCP socket that was not answered yet.

    :ivar source: (ip, port) of its own, and *target* of whom it asks.
    :ivar ago: seconds since it first asked for its connection.
    :ivar due: in how many seconds it will have asked twice more: the first time may be just now.
    """

    source: tuple[str, int]
    target: tuple[str, int]
    ago: float
    due: float


def asking() -> list[Asking]:
    """Return the TCP sockets here that were not answered yet.

    :raises OSError: the kernel says no.
    """
    linear = _linear()
    found = []
    for one, answer in _sockets(_SYN_SENT):
        times, left = answer[_AGAIN], _left(answer)
        until, then = waited(times, linear), waited(times + 1, linear)
        found.append(Asking(one.source, one.target, until - left, left + then - until))
    return found


def _left(answer: bytes) -> float:
    (milliseconds,) = struct.unpack("=I", answer[_EXPIRES])
    return float(milliseconds) / 1000


def waited(times: int, linear: int) -> float:
    """Return after how many seconds a SYN that was sent *times* again is so once more; pure.

    :param linear: how often that is so after one second more, before it takes twice as long.
    """
    return float(sum(1 << max(0, one - linear) for one in range(times + 1)))


def _linear() -> int:
    try:
        return int(_LINEAR.read_text())  # of this thread's namespace
    except (OSError, ValueError):
        return 0  # a kernel of before; too old rather than too young


def _sockets(states: int, more: int = 0) -> Iterator[tuple[Connection, bytes]]:
    """Yield the TCP sockets here that are in one of *states*, each with all that is said of it."""
    for family in (socket.AF_INET, socket.AF_INET6):
        body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, more, 0, states) + bytes(48)
        for answer in ask(_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, body):
            kept = answer[_SOCKET_ID]
            ports = struct.unpack_from(">HH", kept)
            own, peer = (_text(family, one) for one in (kept[4:20], kept[20:36]))
            one = Connection((peer, ports[1]), (own, ports[0]), family, kept)
            yield one, answer


def _text(family: int, packed: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(family, packed[:4])
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(family, packed)


def destroy(one: Connection) -> None:
    """Abort a socket: both sides see a reset.

    :raises OSError: it is gone, or the kernel cannot (``CONFIG_INET_DIAG_DESTROY``).
    """
    body = struct.pack("=BBBBI", one.family, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE) + one.id
    list(ask(_SOCK_DIAG, _SOCK_DESTROY, REQUEST | ACK, body))


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
    list(ask(_SOCK_DIAG, _SOCK_DESTROY, REQUEST | ACK, body))


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the value of each attribute in *data*."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def ask(family: int, kind: int, flags: int, body: bytes, answers: int = 0) -> Iterator[bytes]:
    """Send one request and yield the bodies of its answers.

    :param family: of netlink: ``NETLINK_SOCK_DIAG`` and the like.
    :param answers: how many there are, where the kernel sends no word at their end.
    :raises OSError: the kernel says no.
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
