"""Snapshots: taken of a master, checked by their own checksum, and kept as a file or not at all.

The file is what ``etcdctl snapshot save`` makes: etcd's store, and the SHA-256 of it at its end.
"""

import hashlib
import mmap
import os
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from arpanet import ArpanetError, RegistryError, RegistryUnreachable, replacing
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters import wal
from arpanet_etcd.upkeep.bolt import Bolt
from arpanet_etcd.upkeep.origin import Origin

__all__ = ["Contents", "read", "save"]

#: Seconds for each piece: a master reads its disk for it.
PIECE = 30.0
#: What etcd says to who has no right to it.
REFUSED = "permission denied"
DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Contents:
    """What a snapshot tells of itself.

    :ivar version: major and minor number of the etcd that wrote it; ``None``: it does not say.
    :ivar origin: which arpanet it is of; ``None``: it does not say.
    """

    version: tuple[int, int] | None
    origin: Origin | None


def save(endpoints: Sequence[str], target: Path, tell: Callable[[str], None]) -> int:
    """Have one of *endpoints* write a snapshot into *target*; return its bytes.

    It is written beside, under another name, until it is whole and on the disk.

    :param tell: takes how far it is.
    :raises RegistryError: none of them gives one, or not to the end.
    :raises ArpanetError: it can't be written: the disk is full. Nothing is left behind.
    """
    problems = []
    for one in endpoints:
        gateway = Gateway([one])
        try:
            return _write(target, _blobs(gateway, one), tell)
        except RegistryUnreachable as problem:
            problems.append(problem.message)
        except EtcdError as problem:
            # of a stream, 3.4 tells no code
            if problem.code == wire.PERMISSION or REFUSED in problem.message:
                raise RegistryError(
                    "this host may not take a snapshot: masters alone may", "run this on a master"
                ) from problem
            raise
        finally:
            gateway.close()
    raise RegistryUnreachable(f"no master gives a snapshot: {'; '.join(problems) or 'none known'}")


def _blobs(gateway: Gateway, endpoint: str) -> Iterator[tuple[bytes, int]]:
    """Yield each piece, and how many bytes are to come."""
    gateway.catch_up()  # with a token, if it takes one: a stream can't be sent again
    for one in gateway.stream(endpoint, "maintenance/snapshot", PIECE):
        yield b64decode(one.get("blob", "")), int(one.get("remaining_bytes", 0))


def _write(target: Path, blobs: Iterator[tuple[bytes, int]], tell: Callable[[str], None]) -> int:
    try:
        with replacing(target) as file:  # its owner's alone: it holds passwords
            return _copy(file, blobs, tell)
    except OSError as problem:
        raise ArpanetError(
            f"{target} can't be written: {problem.strerror or problem}",
            "name a file in a directory that is there, with enough space",
        ) from problem


def _copy(file: BinaryIO, blobs: Iterator[tuple[bytes, int]], tell: Callable[[str], None]) -> int:
    """Write all of it; compare the checksum at its end; return its bytes."""
    seen, tail, size = hashlib.sha256(), b"", 0
    for blob, left in blobs:
        whole = tail + blob
        seen.update(whole[:-DIGEST])
        tail = whole[-DIGEST:]
        size += len(blob)
        file.write(blob)
        tell(f"{size / 1e6:.1f} of {(size + left) / 1e6:.1f} MB")
    if tail != seen.digest():
        raise RegistryUnreachable("the snapshot came damaged, or not to its end")
    return size


def read(file: Path, key: str) -> Contents:
    """Return what the snapshot *file* tells of itself.

    :param key: where its store notes what it is of.
    :raises ArpanetError: it can't be read, or is no whole snapshot.
    """
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size <= DIGEST:
                raise ValueError("it is too short")
            view = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        store = view[:-DIGEST]
        if size % 512 != DIGEST or view[-DIGEST:] != hashlib.sha256(store).digest():
            raise ValueError("it does not end with a checksum that is right")
        return _contents(Bolt(store), key.encode())
    except OSError as problem:
        raise ArpanetError(f"{file} can't be read: {problem.strerror or problem}") from problem
    except ValueError as problem:
        raise ArpanetError(
            f"{file} is no snapshot of etcd: {problem}", "'arpanet master snapshot FILE' makes one"
        ) from problem


def _contents(store: Bolt, key: bytes) -> Contents:
    version = dict(store.bucket(b"cluster")).get(b"clusterVersion", b"")
    numbers = version.decode(errors="replace").split(".")[:2]
    known = (int(numbers[0]), int(numbers[1])) if version else None
    return Contents(known, _origin(store, key))


def _origin(store: Bolt, key: bytes) -> Origin | None:
    """Return what the newest note says (etcd: ``mvccpb.KeyValue``; a deletion has no value)."""
    begin = b"\n" + bytes([len(key)]) + key
    found = ""
    for _, value in store.bucket(b"key"):
        if value.startswith(begin):
            found = next((data.decode() for n, _, data in wal.fields(value) if n == 5), "")
    return Origin.parse(found) if found else None
