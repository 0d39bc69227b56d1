"""Which member, of which cluster, some data belongs to: read from etcd's write-ahead log.

etcd tells the two numbers only while it runs; what to start has to be known before. Every log file
begins with a checksum record and a metadata record that holds them (etcd: server/storage/wal,
``walpb.Record``, and ``etcdserverpb.Metadata``; the same from 3.0 to 3.7).
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["HEAD", "Identity", "fields", "identity"]

#: Bytes of a log file that are enough to find the metadata record.
HEAD = 512

_METADATA = 1


@dataclass(frozen=True)
class Identity:
    """A member's number and its cluster's, as hexadecimal text without leading zeros."""

    member: str
    cluster: str


def identity(head: bytes) -> Identity | None:
    """Return whose log begins with *head*, ``None`` when it doesn't say (cut short, or no log)."""
    for record in _records(head):
        found = {field: (number, data) for field, number, data in fields(record)}
        if 1 in found and 3 in found and found[1][0] == _METADATA:
            numbers = {field: number for field, number, _ in fields(found[3][1])}
            return Identity(f"{numbers.get(1, 0):x}", f"{numbers.get(2, 0):x}")
    return None


def _records(head: bytes) -> Iterator[bytes]:
    """Yield the frames: a 64-bit length whose top byte says how many bytes of padding follow."""
    at = 0
    while at + 8 <= len(head):
        length = int.from_bytes(head[at : at + 8], "little")
        size, top = length & (1 << 56) - 1, length >> 56
        at += 8
        if size == 0 or at + size > len(head):
            return
        yield head[at : at + size]
        at += size + (top & 7 if top & 0x80 else 0)


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (field, number, b"") or (field, 0, data) of a protobuf message of numbers and data."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, kind = tag >> 3, tag & 7
        value, at = _varint(message, at)
        if kind == 2:
            yield field, 0, message[at : at + value]
            at += value
        elif kind == 0:
            yield field, value, b""
        else:
            return


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at
