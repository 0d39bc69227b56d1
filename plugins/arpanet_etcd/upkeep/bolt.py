"""Reading what is in a snapshot: a file of bbolt, which etcd keeps its store in.

Its format: go.etcd.io/bbolt, ``internal/common/page.go``, ``meta.go`` and ``bucket.go``; the same
for all etcd versions from 3.0 on. Nothing is trusted: each offset is looked at before it is used.
"""

import struct
from collections.abc import Iterator

__all__ = ["Bolt"]

#: id, flags, count, overflow
_PAGE = struct.Struct("<QHHI")
_BRANCH, _LEAF = 0x01, 0x02
#: magic, version, page size, flags, root's page, sequence, freelist, high water mark, number
_META = struct.Struct("<IIIIQQQQQ")
_MAGIC, _VERSION = 0xED0CDAED, 2
#: an element of a leaf: flags, where its key is (from here), the key's and the value's length
_ITEM = struct.Struct("<IIII")
#: an element of a branch: where its key is, the key's length, its page
_CHILD = struct.Struct("<IIQ")
_IS_BUCKET = 0x01
#: what a bucket's value begins with: its page (0: it follows at once), a sequence
_BUCKET = struct.Struct("<QQ")
#: No store of this depth is one.
_DEEP = 64


class Bolt:
    """The buckets of *data*.

    :raises ValueError: it is no such file.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        metas = [found for page in range(2) if (found := self._meta(page * self._guess()))]
        if not metas:
            raise ValueError("it is no store of etcd")
        _, self._size, self._root = max(metas)

    def bucket(self, name: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values of a bucket, in order; nothing: there is none.

        :raises ValueError: the file is damaged.
        """
        try:
            for flags, key, value in self._items(self._root * self._size, 0):
                if key == name and flags & _IS_BUCKET:
                    page, _ = _BUCKET.unpack_from(value)
                    within = self if page else Bolt._inline(value[_BUCKET.size :])
                    for _, found, content in within._items(page * self._size, 0):
                        yield found, content
        except (struct.error, IndexError, OverflowError) as problem:
            raise ValueError(f"it is damaged: {problem}") from None

    @classmethod
    def _inline(cls, page: bytes) -> "Bolt":
        made = cls.__new__(cls)
        made._data, made._size, made._root = memoryview(page), len(page), 0
        return made

    def _guess(self) -> int:
        """Return the size of a page, as the first one says it."""
        if len(self._data) < 0x1000:
            return 0
        size = int(_META.unpack_from(self._data, _PAGE.size)[2])
        return size if 0x400 <= size <= 0x10000 else 0x1000

    def _meta(self, at: int) -> tuple[int, int, int] | None:
        """Return (number, page size, root) of what the meta page at *at* says."""
        if len(self._data) < at + _PAGE.size + _META.size + 8:
            return None
        begin = at + _PAGE.size
        magic, version, size, _, root, _, _, _, number = _META.unpack_from(self._data, begin)
        end = begin + _META.size
        (checksum,) = struct.unpack_from("<Q", self._data, end)
        good = (magic, version, checksum) == (_MAGIC, _VERSION, _fnv(self._data[begin:end]))
        return (number, size, root) if good else None

    def _items(self, at: int, depth: int) -> Iterator[tuple[int, bytes, bytes]]:
        _, flags, count, _ = _PAGE.unpack_from(self._data, at)
        if depth > _DEEP or not flags & (_BRANCH | _LEAF):
            raise ValueError("it is damaged: a page is not what it should be")
        for number in range(count):
            here = at + _PAGE.size + number * 16
            if flags & _BRANCH:
                page = _CHILD.unpack_from(self._data, here)[2]
                yield from self._items(page * self._size, depth + 1)
                continue
            kind, offset, keys, values = _ITEM.unpack_from(self._data, here)
            begin, middle = here + offset, here + offset + keys
            if middle + values > len(self._data):
                raise ValueError("it is damaged: it ends too soon")
            content = self._data[middle : middle + values]
            yield kind, bytes(self._data[begin:middle]), bytes(content)


def _fnv(data: memoryview) -> int:
    """FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    found = 0xCBF29CE484222325
    for byte in data:
        found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return found
