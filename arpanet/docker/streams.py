"""A conversation with a program over the answer that Docker gives to an exec.

Docker's frames: one byte stream number, three zero bytes, four bytes length, then the data
(https://docs.docker.com/reference/api/engine/ "Stream format").
"""

import contextlib
import os
import socket
import struct
import threading
from typing import Protocol

__all__ = ["Answer", "converse", "demultiplex"]

CHUNK = 65536


class Answer(Protocol):
    """What is used of ``urllib3.HTTPResponse``."""

    def read1(self, amt: int | None = None) -> bytes:
        """Return what is there, at most *amt* bytes; nothing at the end."""

    def fileno(self) -> int:
        """Return the descriptor of its connection."""


def converse(answer: Answer, stdin: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Send *stdin*, close that direction, and return (stdout, stderr) when the other side is done.

    Reading is the answer's business, whose buffer may hold the first output already. Writing goes
    to the connection below it, from a thread, since a program may answer before it has read all.

    :param timeout: seconds; what arrived by then is returned. The answer's own reads must have
        a time limit as well, which is what makes their connection one that both may wait for.
    """
    received = bytearray()
    late = threading.Event()
    with socket.socket(fileno=os.dup(answer.fileno())) as connection:
        connection.settimeout(timeout)
        writer = threading.Thread(target=_send, args=(connection, stdin), name="docker-stdin")
        watch = threading.Timer(timeout, _hang_up, (connection, late))
        watch.daemon = True
        writer.start()
        watch.start()
        try:
            while data := answer.read1(CHUNK):
                received += data
        except Exception:
            # the end of a connection that was hung up; its own time limit may come first
            if not late.wait(0.5):
                raise
        finally:
            watch.cancel()
            _hang_up(connection)
            writer.join()
    return demultiplex(bytes(received))


def _send(connection: socket.socket, stdin: bytes | None) -> None:
    if stdin is not None:
        with contextlib.suppress(OSError):  # the program does not want more
            connection.sendall(stdin)
            connection.shutdown(socket.SHUT_WR)


def _hang_up(connection: socket.socket, late: threading.Event | None = None) -> None:
    if late:
        late.set()
    with contextlib.suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)


def demultiplex(frames: bytes) -> tuple[bytes, bytes]:
    """Return (stdout, stderr) of a whole sequence of frames; an unfinished last one is dropped."""
    output = {1: bytearray(), 2: bytearray()}
    at = 0
    while at + 8 <= len(frames):
        stream, length = struct.unpack_from(">BxxxL", frames, at)
        output.setdefault(stream, bytearray()).extend(frames[at + 8 : at + 8 + length])
        at += 8 + length
    return bytes(output[1]), bytes(output[2])
