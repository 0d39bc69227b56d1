"""A disk that is really full."""

import subprocess
from pathlib import Path

import pytest
from arpanet_identity import authority, enrolment
from arpanet_identity.authority import Subject
from arpanet_identity.store import Store

from arpanet.errors import ArpanetError

M1 = Subject("m1", "master", ("10.0.0.1",))


@pytest.fixture
def disk(tmp_path):
    """A small one of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    small = ["-t", "tmpfs", "-o", "size=128k", "tmpfs"]
    subprocess.run(["mount", *small, place], check=True, timeout=60)
    yield place
    subprocess.run(["umount", place], check=True, timeout=60)


def fill(place: Path) -> Path:
    ballast = place / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def test_a_full_disk_leaves_what_was_there(disk):
    store = Store(disk / ".arpanet")
    enrolment.found(store, M1)
    files = [path for path in store.directory.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    ballast = fill(disk)
    mine, key = store.authority(), authority.read_key(store.key()).public_key()
    given = (mine.issue(M1, key), store.me.ca.read_text(), mine.revoke([7]), "x" * 64)
    with pytest.raises(ArpanetError, match="can't be written: No space left on device"):
        store.adopt(*given)
    after = {path: path.read_bytes() for path in store.directory.rglob("*") if path.is_file()}
    assert after == before
    ballast.unlink()
    store.adopt(*given)
    assert store.me.certificate.read_text() == given[0]


def test_nobody_is_let_in_by_halves(disk):
    store = Store(disk / ".arpanet")
    fill(disk)
    with pytest.raises(ArpanetError, match="No space left on device"):
        enrolment.found(store, M1)
    assert not store.me.here
