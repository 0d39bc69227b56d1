"""What is on disk: whole or not at all, and nobody else's."""

import os
import stat

import pytest
from arpanet_identity import enrolment
from arpanet_identity.authority import Subject
from arpanet_identity.store import Store

from arpanet.errors import ArpanetError


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / ".arpanet")
    enrolment.found(made, Subject("m1", "master", ("10.0.0.1",)))
    return made


def files(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_nobody_else_reads_any_of_it(store):
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(store.directory)} == {0o600}
    assert [path.name for path in files(store.me.host)] == [
        *("ca.pem", "crl.pem", "host.key", "host.pem", "password")
    ]


def test_the_hosts_key_is_made_once(store):
    key = store.key()
    assert store.key() == key
    store.adopt("new", "new", "new")
    assert store.key() == key


@pytest.mark.parametrize("name", ["host/host.key", "ca/ca.key", "ca/secret", "host/password"])
def test_a_secret_that_others_may_read_is_refused(store, name):
    (store.directory / name).chmod(0o640)
    with pytest.raises(ArpanetError, match=f"others may read .*{name}"):
        store.key(), store.authority(), store.secret(), store.me.password


def test_a_full_disk_leaves_what_was_there(store, monkeypatch):
    before = {path: path.read_bytes() for path in files(store.directory)}

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArpanetError, match=r"ca\.pem can't be written: No space left"):
        store.adopt("new", "new", "new")
    assert {path: path.read_bytes() for path in files(store.directory)} == before


def test_what_is_no_certificate_is_told(store):
    store.me.certificate.write_text("-----BEGIN")
    with pytest.raises(ArpanetError, match=r"host\.pem holds no certificate"):
        store.certificate()


def test_a_broken_copy_of_the_roster_is_none(store):
    (store.directory / "ca/roster.json").write_text("[")
    assert store.roster() == {}


def test_where_nobody_was_let_in_there_is_nothing(tmp_path):
    store = Store(tmp_path / "none")
    assert not store.me.here
    assert store.certificate() is None
    assert store.authority() is None
    assert store.trusted() == []
    assert not store.directory.exists()
