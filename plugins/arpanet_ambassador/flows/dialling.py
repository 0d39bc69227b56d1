"""Whether addresses take TCP connections: many asked at once, by one thread, within one second.

Of an address that takes datagrams nobody can tell so whether its server is there, but whether its
host is: that refuses the connection.

The servers don't hear of it. A dial ends with a reset where its last acknowledgement would be, so
that nothing is ever accepted: no log fills with connections that say nothing, and no server takes
a host for one that attacks it (MySQL's ``max_connect_errors``). HAProxy's checks do the same.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice

__all__ = ["PROBE", "Endpoint", "dialled"]

#: (ip, port)
Endpoint = tuple[str, int]
#: Seconds within which an address must take a connection to count as there.
PROBE = 1.0
#: How many are asked at once: more wait for their turn.
_AT_ONCE = 256
#: Closed at once, with a reset.
_ABORT = struct.pack("ii", 1, 0)


def dialled(
    addresses: Collection[Endpoint], seconds: float = PROBE, refusing: bool = False
) -> Iterator[tuple[Endpoint, bool]]:
    """Dial each of *addresses* once; yield each with whether it answered, as soon as it is known.

    :param seconds: for each 256 of them.
    :param refusing: whether a refusal is an answer, too.
    """
    good = {0, errno.ECONNREFUSED} if refusing else {0}
    waiting = iter(addresses)
    while batch := list(islice(waiting, _AT_ONCE)):
        yield from _batch(batch, seconds, good)


def _batch(
    addresses: Collection[Endpoint], seconds: float, good: Collection[int]
) -> Iterator[tuple[Endpoint, bool]]:
    deadline = time.monotonic() + seconds
    poll = select.poll()
    dialling: dict[int, tuple[Endpoint, socket.socket]] = {}
    try:
        for address in addresses:
            connection = _begun(address)
            if connection is None:
                yield address, False
                continue
            dialling[connection.fileno()] = address, connection
            poll.register(connection, select.POLLOUT)
        while dialling and (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                address, connection = dialling.pop(descriptor)
                poll.unregister(descriptor)
                problem = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                connection.close()
                yield address, problem in good
        yield from ((address, False) for address, _ in list(dialling.values()))
    finally:
        for _, connection in dialling.values():
            connection.close()


def _begun(address: Endpoint) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError:  # no more descriptors, or no IPv6 here
        return None
    try:
        # the acknowledgement waits for data that could go with it, and the reset comes before it
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        with suppress(BlockingIOError):
            connection.connect(address)
    except OSError:
        connection.close()
        return None
    return connection
