import io
import tarfile

import pytest
from arpanet_etcd.masters.container import first_log, readable
from arpanet_etcd.masters.wal import HEAD


def archive(*names: str, cut: int | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        directory = tarfile.TarInfo("wal/")
        directory.type = tarfile.DIRTYPE
        tar.addfile(directory)
        for name in names:
            entry = tarfile.TarInfo(f"wal/{name}")
            entry.size = 4096
            tar.addfile(entry, io.BytesIO(name.encode().ljust(4096, b"\0")))
    return made.getvalue()[:cut]


def test_first_log():
    assert first_log(io.BytesIO(archive("a.wal", "b.wal"))) == b"a.wal".ljust(HEAD, b"\0")


def test_first_log_passes_the_spare_file():
    assert first_log(io.BytesIO(archive("0.tmp", "b.wal"))).startswith(b"b.wal")


def test_first_log_keeps_no_archive_in_memory():
    """What etcd allocates in advance is 64 MB a file."""
    peak = 0

    class Endless(io.RawIOBase):
        def __init__(self):
            header = tarfile.TarInfo("wal/0.tmp")
            header.size = 64 << 20
            self.parts = iter([header.tobuf(), *[bytes(1 << 16)] * 1024, archive("b.wal")])
            self.left = b""

        def read(self, size=-1):
            nonlocal peak
            peak = max(peak, size)
            self.left = self.left or next(self.parts, b"")
            taken, self.left = self.left[:size], self.left[size:]
            return taken

    assert first_log(Endless()).startswith(b"b.wal")
    assert 0 < peak <= 1 << 20


@pytest.mark.parametrize("nothing", [b"", b"x" * 2000, archive(), archive("0.tmp", cut=2000)])
def test_first_log_of_none(nothing):
    assert first_log(io.BytesIO(nothing)) == b""


def test_readable():
    line = '{"level":"fatal","ts":"x","msg":"discovery failed","error":"listen tcp: in use"}'
    assert readable(f"ends at once (exit code 1): {line}") == (
        "ends at once (exit code 1): discovery failed: listen tcp: in use"
    )
    assert readable("flag provided but not defined: -x") == "flag provided but not defined: -x"
    assert readable("odd {json}") == "odd {json}"
