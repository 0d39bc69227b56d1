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


@pytest.fixture
def line():
    """A connection whose reader has read the answer's head, and the far end of it."""
    near, far = socket.socketpair()
    with near, far:
        reader = near.makefile("rb")
        far.sendall(b"101\r\n" + frame(1, b"early"))
        assert reader.readline() == b"101\r\n"
        yield reader, far
        reader.close()


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
