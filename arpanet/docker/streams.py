"""What Docker sends in parts: archives, and a conversation with a program.

Frames of a hijacked connection: one byte stream number, three zero bytes, four bytes length, then
the data (https://docs.docker.com/reference/api/engine/ "Stream format").
"""

import io
import selectors
import socket
import ssl
import struct
import tarfile
import time
from collections.abc import Iterator
from typing import IO, Any

from arpanet.errors import EngineError

__all__ = ["Chunks", "converse", "demultiplex", "first_file"]

CHUNK = 65536


def converse(reader: Any, stdin: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Send *stdin*, close that direction, and return (stdout, stderr) when the other side is done.

    :param reader: the buffered reader that the HTTP answer was read from.
    :param timeout: seconds; what arrived by then is returned.
    :raises EngineError: there is input, and the connection is a TLS one.
    """
    connection: socket.socket = reader.raw._sock
    connection.setblocking(False)
    received = io.BytesIO()
    received.write(reader.read1(CHUNK) or b"")
    received.seek(0, io.SEEK_END)
    left = memoryview(stdin or b"")
    if stdin is not None and isinstance(connection, ssl.SSLSocket):  # Python can't half-close one
        raise EngineError("a program's input can't be sent to Docker over TLS", "use its socket")
    if stdin == b"":
        connection.shutdown(socket.SHUT_WR)
    end = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
        selector.register(connection, wanted)
        while (rest := end - time.monotonic()) > 0:
            for _, ready in selector.select(rest):
                if ready & selectors.EVENT_WRITE:
                    left = left[_send(connection, left) :]
                    if not left:
                        connection.shutdown(socket.SHUT_WR)
                        selector.modify(connection, selectors.EVENT_READ)
                if ready & selectors.EVENT_READ and _receive(connection, received):
                    return demultiplex(received.getvalue())
    return demultiplex(received.getvalue())


def _send(connection: socket.socket, data: memoryview) -> int:
    try:
        return connection.send(data[:CHUNK])
    except BrokenPipeError:  # the program does not want more
        return len(data)


def _receive(connection: socket.socket, received: io.BytesIO) -> bool:
    """Take all that is there, TLS keeps some to itself; return whether that was the end."""
    try:
        while data := connection.recv(CHUNK):
            received.write(data)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    return True


def demultiplex(frames: bytes) -> tuple[bytes, bytes]:
    """Return (stdout, stderr) of a whole sequence of frames; an unfinished last one is dropped."""
    output = {1: bytearray(), 2: bytearray()}
    at = 0
    while at + 8 <= len(frames):
        stream, length = struct.unpack_from(">BxxxL", frames, at)
        output.setdefault(stream, bytearray()).extend(frames[at + 8 : at + 8 + length])
        at += 8 + length
    return bytes(output[1]), bytes(output[2])


class Chunks(io.RawIOBase):
    """A stream to read from, of parts as they come."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* with what is there, wait for more only when nothing is."""
        while not self._left:
            try:
                self._left = next(self._parts)
            except StopIteration:
                return 0
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


def first_file(archive: IO[bytes]) -> bytes | None:
    """Return the content of the file that a tar archive begins with, ``None``: it is no file."""
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        first = tar.next()
        content = tar.extractfile(first) if first and first.isfile() else None
        return content.read() if content else None
