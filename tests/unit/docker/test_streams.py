"""Docker's frames."""

import io
import socket
import struct
import threading

import pytest

from arpanet.docker.streams import converse, demultiplex


def frame(stream, data):
    return struct.pack(">BxxxL", stream, len(data)) + data


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (b"", (b"", b"")),
        (frame(1, b"a") + frame(2, b"b") + frame(1, b"c"), (b"ac", b"b")),
        (frame(1, b"a") + b"\1\0\0", (b"a", b"")),
    ],
)
def test_demultiplex(frames, expected):
    assert demultiplex(frames) == expected


class Answer:
    """What urllib3 hands over: a buffered reader over a connection that it has a limit for."""

    def __init__(self, near):
        near.settimeout(20)
        self.near, self.file = near, near.makefile("rb")
        self.read1 = self.file.read1

    def fileno(self):
        return self.near.fileno()


@pytest.fixture
def line():
    """An answer whose head was read, and the far end of its connection."""
    near, far = socket.socketpair()
    with near, far:
        answer = Answer(near)
        far.sendall(b"200\r\n" + frame(1, b"early"))
        assert answer.file.readline() == b"200\r\n"
        yield answer, far
        answer.file.close()


def answer(far):
    got = io.BytesIO()
    while data := far.recv(65536):
        got.write(data)
    far.sendall(frame(1, b" %d" % len(got.getvalue())) + frame(2, b"done"))
    far.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_conversation_keeps_what_came_with_the_head(line, size):
    reader, far = line
    thread = threading.Thread(target=answer, args=[far])
    thread.start()
    assert converse(reader, b"x" * size, 10) == (b"early %d" % size, b"done")
    thread.join()


def test_a_conversation_ends_in_time(line):
    assert converse(line[0], None, 0.05) == (b"early", b"")
