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


@pytest.mark.parametrize("cut", [None, 512 * 4])
def test_first_log(cut):
    assert first_log(archive("a.wal", "b.wal", cut=cut)) == b"a.wal".ljust(HEAD, b"\0")


def test_first_log_passes_the_spare_file():
    assert first_log(archive("0.tmp", "b.wal")).startswith(b"b.wal")


@pytest.mark.parametrize("nothing", [b"", b"x" * 2000, archive(), archive("0.tmp", cut=2000)])
def test_first_log_of_none(nothing):
    assert first_log(nothing) == b""


def test_readable():
    line = '{"level":"fatal","ts":"x","msg":"discovery failed","error":"listen tcp: in use"}'
    assert readable(f"ends at once (exit code 1): {line}") == (
        "ends at once (exit code 1): discovery failed: listen tcp: in use"
    )
    assert readable("flag provided but not defined: -x") == "flag provided but not defined: -x"
    assert readable("odd {json}") == "odd {json}"
