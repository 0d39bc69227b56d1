"""What is on disk: whole or not at all, and nobody else's."""

import stat

import pytest
from arpanet_identity import enrolment
from arpanet_identity.authority import Subject, new_key, read_key
from arpanet_identity.store import Store
from cryptography import x509

from arpanet import Identity
from arpanet import files as replaced
from arpanet.errors import ArpanetError, SettingsError
from tests.support.stand_in import stand_in

M1 = Subject("m1", "master", ("10.0.0.1",))


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / ".arpanet")
    enrolment.found(made, M1)
    return made


def files(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_nobody_else_reads_any_of_it(store):
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(store.directory)} == {0o600}
    assert [path.name for path in files(store.me.host)] == [
        *("ca.pem", "crl.der", "host.key", "host.pem", "password")
    ]


def test_the_hosts_key_is_made_once(store):
    key = store.key()
    assert store.key() == key
    store.adopt("new", "new", store.authority().revoke(()))
    assert store.key() == key


@pytest.mark.parametrize("name", ["host/host.key", "ca/ca.key", "ca/secret", "host/password"])
def test_a_secret_that_others_may_read_is_refused(store, name):
    (store.directory / name).chmod(0o640)
    with pytest.raises(ArpanetError, match=f"others may read .*{name}"):
        store.key(), store.authority(), store.secret(), store.me.password


def test_a_full_disk_leaves_what_was_there(store, monkeypatch):
    before = {path: path.read_bytes() for path in files(store.directory)}
    listed = store.authority().revoke(())

    def full(_number):
        raise OSError(28, "No space left on device")

    stand_in(monkeypatch, replaced, "os", fsync=full)
    with pytest.raises(ArpanetError, match=r"ca\.pem can't be written: No space left"):
        store.adopt("new", "new", listed)
    assert {path: path.read_bytes() for path in files(store.directory)} == before


def test_a_list_of_who_is_shut_out_that_is_none_is_told_and_nothing_is_kept(store):
    before = {path: path.read_bytes() for path in files(store.directory)}
    with pytest.raises(ArpanetError, match="the list of who is shut out can't be read"):
        store.adopt("new", "new", "-----BEGIN X509 CRL-----")
    assert {path: path.read_bytes() for path in files(store.directory)} == before


def test_etcd_is_given_the_list_as_all_of_its_versions_read_it(store):
    store.revoke(store.authority().revoke([7]))
    assert {one.serial_number for one in x509.load_der_x509_crl(store.crl.read_bytes())} == {7}


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


def test_what_is_half_written_is_not_used_and_what_was_good_goes_on(store, caplog):
    me = store.me
    good = me.client(), me.server()
    text = me.certificate.read_text()
    me.certificate.write_text(text[: len(text) // 2])
    assert (me.client(), me.server()) == good
    assert "going on with the certificate that was there before" in caplog.text
    with pytest.raises(SettingsError, match=r"the certificate in .* can't be used"):
        Identity(store.directory).check()
    me.certificate.write_text(text)
    assert me.client() is not good[0]


def test_a_certificate_that_was_replaced_is_the_next_connections(store):
    before = store.me.client()
    assert store.me.client() is before
    mine, key = store.authority(), read_key(store.key()).public_key()
    store.adopt(mine.issue(M1, key), store.me.ca.read_text(), mine.revoke(()))
    assert store.me.client() is not before


def test_a_certificate_for_another_key_is_refused(store):
    mine, other = store.authority(), read_key(new_key()).public_key()
    store.me.certificate.write_text(mine.issue(M1, other))
    with pytest.raises(SettingsError, match=r"can't be used: .*mismatch"):
        store.me.check()
