"""What is no store of etcd; real ones are read in the tests of services."""

import hashlib
import struct

import pytest
from arpanet_etcd.upkeep.bolt import Bolt, _fnv

PAGE = 4096


def store(root: int = 3, leaf: bytes = b"") -> bytes:
    """A file of four pages: two that say where the root is, one of nothing, the root."""
    begin = struct.pack("<IIIIQQQQ", 0xED0CDAED, 2, PAGE, 0, root, 0, 2, 4)
    pages = []
    for number in (0, 1):
        meta = begin + struct.pack("<Q", number)
        meta += struct.pack("<Q", _fnv(memoryview(meta)))
        pages.append(struct.pack("<QHHI", number, 4, 0, 0) + meta)
    pages += [b"", leaf or struct.pack("<QHHI", 3, 2, 0, 0)]
    return b"".join(one.ljust(PAGE, b"\0") for one in pages)


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\0" * 9000, b"SQLite format 3\0" * 1000])
def test_no_store(data):
    with pytest.raises(ValueError, match="it is no store of etcd"):
        Bolt(memoryview(data))


def test_an_empty_one():
    assert list(Bolt(memoryview(store())).bucket(b"key")) == []


def test_a_root_that_is_not_there():
    with pytest.raises(ValueError, match="it is damaged"):
        list(Bolt(memoryview(store(root=1000))).bucket(b"key"))


def test_a_branch_that_leads_to_itself():
    child = struct.pack("<IIQ", 16, 0, 3)
    loop = struct.pack("<QHHI", 3, 1, 1, 0) + child
    with pytest.raises(ValueError, match="it is damaged"):
        list(Bolt(memoryview(store(leaf=loop))).bucket(b"key"))


@pytest.mark.parametrize("kind", [1, 2])
def test_whatever_stands_there_it_ends_and_says_so(kind):
    for number in range(100):
        noise = hashlib.sha512(b"%d" % number).digest()
        page = struct.pack("<QHHI", 3, kind, 2, 0) + noise
        try:
            list(Bolt(memoryview(store(leaf=page))).bucket(b"key"))
        except ValueError as problem:
            assert "it is damaged" in str(problem)
