"""Who is let in, as a master decides it; the vault is in memory, the disk a test's own."""

import contextlib
import time

import pytest
from arpanet_identity import authority, enrolment, roster, rotation, tokens
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.rotation import Plan
from arpanet_identity.store import Store
from cryptography import x509

from arpanet import ABSENT, MemoryVault
from arpanet.errors import ArpanetError
from tests.support.stand_in import stand_in

M1 = Subject("m1", "master", ("10.0.0.1",))


@pytest.fixture
def master(tmp_path):
    """The first master's, whose cluster is new."""
    return begin(tmp_path / "m1", MemoryVault())


def begin(directory, vault, subject=M1):
    store = Store(directory)
    enrolment.found(store, subject)
    admitted = []
    made = Enrolment(store, vault, admitted.append)
    made.admitted = admitted
    made.roster()
    return made


def token(master, role="slave", **more):
    mine = master.authority().certificate
    return tokens.create(master.vault, authority.fingerprint(mine), role, **more)


def asked(made, host="h2", key=None, addresses=("10.0.0.2",), **more):
    request = authority.request(key or authority.new_key())
    given = {"id": made.id, "secret": made.secret, "host": host, "request": request}
    return {**given, "addresses": list(addresses), **more}


def names(answer):
    return authority.names(x509.load_pem_x509_certificate(answer["certificate"].encode()))


def test_the_first_master_is_who_it_says_and_knows_its_password(master):
    kept = master.store
    kept.me.check()
    entry = master.roster().hosts["m1"]
    assert kept.me.password == roster.password(kept.secret(), entry)
    assert entry.serial == f"{kept.certificate().serial_number:x}"


def test_to_found_it_twice_makes_no_second_ca(master):
    before = master.authority().certificate
    enrolment.found(master.store, M1)
    assert master.authority().certificate == before


def test_who_has_a_token_is_let_in_and_admitted_before_it_hears_so(master):
    answer = master.join(asked(token(master)), "10.0.0.2")
    assert names(answer) == ["h2"]
    assert answer["role"] == "slave"
    assert "authority" not in answer
    (admission,) = [
        one for one in master.admitted[-1].admissions(master.store.secret()) if one.host == "h2"
    ]
    assert admission.password == answer["password"]
    assert admission.addresses == ("10.0.0.2",)
    assert answer["password"] not in repr(admission)


def test_a_master_gets_the_ca(master, tmp_path):
    answer = master.join(asked(token(master, "master"), "m2"), "10.0.0.2")
    assert authority.MASTER in names(answer)
    other = Store(tmp_path / "m2")
    other.sign_with(*(answer["authority"][name] for name in ("certificate", "key", "secret")))
    assert other.authority().certificate == master.authority().certificate
    assert other.secret() == master.store.secret()


def test_a_slaves_token_makes_no_master(master):
    answer = master.join(asked(token(master), role="master"), "10.0.0.2")
    assert answer["role"] == "slave"
    assert authority.MASTER not in names(answer)


def test_no_other_host_gets_a_name_that_is_taken(master):
    master.join(asked(token(master)), "10.0.0.2")
    fresh = token(master)
    with pytest.raises(ArpanetError, match="another host of the name h2 is let in already"):
        master.join(asked(fresh), "10.0.0.2")
    with pytest.raises(ArpanetError, match="another host of the name m1"):
        master.join(asked(fresh, "m1"), "10.0.0.2")
    assert [one.id for one in tokens.kept(master.vault)] == [fresh.id]


def test_the_same_host_may_ask_again_when_the_answer_was_lost(master):
    key = authority.new_key()
    lost = master.join(asked(token(master), key=key), "10.0.0.2")
    answer = master.join(asked(token(master), key=key), "10.0.0.2")
    assert answer["password"] != lost["password"]
    assert len(master.roster().hosts["h2"].certificates()) == 2


def test_it_gets_the_address_that_it_asks_from_and_no_other(master):
    made = token(master)
    with pytest.raises(ArpanetError, match=r"may not have the address 10\.0\.0\.9"):
        master.join(asked(made, addresses=["10.0.0.9"]), "10.0.0.2")
    assert master.join(asked(made), "::ffff:10.0.0.2")["role"] == "slave"


def test_unless_the_token_names_it(master):
    made = token(master, addresses=("10.0.0.9",))
    assert master.join(asked(made, addresses=["10.0.0.9"]), "10.0.0.2")["role"] == "slave"


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "a/b"},
        {"host": ""},
        {"addresses": []},
        {"addresses": "10.0.0.2"},
        {"addresses": ["x"]},
        {"addresses": ["10.0.0.2"] * 17},
        {"request": "x"},
        {"secret": "x"},
        {"id": "x"},
        {"id": ["a"]},
    ],
)
def test_what_makes_no_sense_uses_no_token_up(master, wrong):
    made = token(master)
    with pytest.raises(ArpanetError):
        master.join({**asked(made), **wrong}, "10.0.0.2")
    assert tokens.check(master.vault, made.id, made.secret)
    assert "h2" not in master.roster().hosts


def test_a_certificate_is_renewed_for_the_same_key_and_password(master):
    key = authority.new_key()
    first = master.join(asked(token(master), key=key), "10.0.0.2")
    serial = x509.load_pem_x509_certificate(first["certificate"].encode()).serial_number
    public = authority.read_key(key).public_key()
    again = master.renew(f"{serial:x}", public)
    assert again["password"] == first["password"]
    assert again["certificate"] != first["certificate"]
    assert names(again) == ["h2"]


def test_nor_for_any_other_key(master):
    """Who has the CA's key, and was shut out, could make a certificate of anybody's serial."""
    first = serial(master.join(asked(token(master)), "10.0.0.2"))
    with pytest.raises(ArpanetError, match="nobody's any more"):
        master.renew(first, authority.read_key(authority.new_key()).public_key())


def test_a_renewed_master_is_not_sent_the_ca_again(master):
    public = authority.read_key(master.store.key()).public_key()
    serial = f"{master.store.certificate().serial_number:x}"
    assert "authority" not in master.renew(serial, public)


def test_who_is_shut_out_has_no_certificate_that_holds(master):
    key = authority.new_key()
    first = master.join(asked(token(master), key=key), "10.0.0.2")
    serial = f"{x509.load_pem_x509_certificate(first['certificate'].encode()).serial_number:x}"
    public = authority.read_key(key).public_key()
    again = master.renew(serial, public)
    newest = f"{x509.load_pem_x509_certificate(again['certificate'].encode()).serial_number:x}"
    roster.shut_out(master.vault, "h2")
    now = master.roster()
    assert "h2" not in now.hosts
    assert set(now.revoked) == {serial, newest}
    listed = x509.load_pem_x509_crl(master.crl(now).encode())
    assert {f"{one.serial_number:x}" for one in listed} == {serial, newest}
    with pytest.raises(ArpanetError, match="nobody's any more"):
        master.renew(newest, public)


def test_and_may_come_again_with_another_key(master):
    master.join(asked(token(master)), "10.0.0.2")
    roster.shut_out(master.vault, "h2")
    assert master.join(asked(token(master)), "10.0.0.2")["role"] == "slave"
    assert "h2" in master.roster().hosts


@pytest.mark.parametrize("moment", ["write", "delete"])
def test_a_renewal_at_the_moment_of_a_revocation_saves_nobody(master, moment, monkeypatch):
    """Who has stolen a host's key may renew all the time, also between two steps of this."""
    key = authority.new_key()
    public = authority.read_key(key).public_key()
    stolen = [serial(master.join(asked(token(master), key=key), "10.0.0.2"))]
    step = getattr(master.vault, moment)

    def renewed_just_before(name, *rest, **more):
        monkeypatch.undo()
        with contextlib.suppress(ArpanetError):
            stolen.append(serial(master.renew(stolen[-1], public)))
        return step(name, *rest, **more)

    monkeypatch.setattr(master.vault, moment, renewed_just_before)
    roster.shut_out(master.vault, "h2")
    assert "h2" not in master.roster().hosts
    assert set(stolen) <= set(master.roster().revoked)
    with pytest.raises(ArpanetError, match="nobody's any more"):
        master.renew(stolen[-1], public)


def test_nor_does_a_revocation_at_the_moment_of_a_renewal(master, monkeypatch):
    key = authority.new_key()
    first = serial(master.join(asked(token(master), key=key), "10.0.0.2"))
    write = master.vault.write

    def shut_out_just_before(*given, **more):
        monkeypatch.undo()
        roster.shut_out(master.vault, "h2")
        return write(*given, **more)

    monkeypatch.setattr(master.vault, "write", shut_out_just_before)
    with pytest.raises(ArpanetError, match="renewed or shut out just now"):
        master.renew(first, authority.read_key(key).public_key())
    assert "h2" not in master.roster().hosts


@pytest.fixture
def another_signs(master, monkeypatch):
    """Have another CA sign, ``another_signs()`` at once, else when the master writes next."""

    def begins(at_next_write=False):
        write = master.vault.write

        def let_it(*given, **more):
            monkeypatch.undo()
            done = write(*given, **more)
            rotation.change(master.vault, Plan("sign", "b" * 64, ("a" * 64, "b" * 64)), ABSENT)
            return done

        if at_next_write:
            monkeypatch.setattr(master.vault, "write", let_it)
        else:
            let_it("x", "")

    return begins


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_master_that_has_the_former_ca_still_lets_nobody_in(master, another_signs, meanwhile):
    """It was away when the step began, or is slower than who begins it."""
    public = authority.read_key(authority.new_key()).public_key()
    another_signs(meanwhile)
    with pytest.raises(ArpanetError, match="has the cluster's former CA still"):
        master.let_in(Subject("h2", "slave", ("10.0.0.2",)), public)
    assert "h2" not in master.roster().hosts


@pytest.mark.parametrize("meanwhile", [False, True])
def test_nor_does_it_renew(master, another_signs, meanwhile):
    key = authority.new_key()
    first = serial(master.join(asked(token(master), key=key), "10.0.0.2"))
    another_signs(meanwhile)
    with pytest.raises(ArpanetError, match="has the cluster's former CA still"):
        master.renew(first, authority.read_key(key).public_key())
    assert first in dict(master.roster().hosts["h2"].certificates())


def test_its_refusal_uses_no_token_up(master, another_signs):
    made = token(master)
    another_signs()
    with pytest.raises(ArpanetError, match="has the cluster's former CA still"):
        master.join(asked(made), "10.0.0.2")
    assert [one.uses for one in tokens.kept(master.vault)] == [1]


def test_who_renews_without_end_is_stopped(master, monkeypatch):
    monkeypatch.setattr(roster, "MOST", 3)
    key = authority.new_key()
    public = authority.read_key(key).public_key()
    newest = serial(master.join(asked(token(master), key=key), "10.0.0.2"))
    for _ in range(2):
        newest = serial(master.renew(newest, public))
    with pytest.raises(ArpanetError, match="h2 has 3 certificates that hold"):
        master.renew(newest, public)


def serial(answer):
    found = x509.load_pem_x509_certificate(answer["certificate"].encode())
    return f"{found.serial_number:x}"


@pytest.mark.parametrize("name", ["master.arpanet", "Master.Arpanet", "master.arpanet."])
def test_no_slave_is_named_as_masters_are(master, name):
    made = token(master)
    with pytest.raises(ArpanetError, match="names every master"):
        master.join(asked(made, name), "10.0.0.2")
    assert tokens.check(master.vault, made.id, made.secret)


def test_a_registry_that_was_wiped_is_told_again(master):
    master.join(asked(token(master)), "10.0.0.2")
    gone = MemoryVault()
    after = Enrolment(master.store, gone, lambda _: None)
    assert set(after.roster().hosts) == {"m1", "h2"}
    assert set(roster.listed(gone)) == {"m1", "h2"}


def test_one_that_was_restored_lets_nobody_in_who_was_shut_out(master):
    master.join(asked(token(master)), "10.0.0.2")
    before = {name: entry.value for name, entry in master.vault.list("").items()}
    roster.shut_out(master.vault, "h2")
    master.join(asked(token(master), "h3", addresses=["10.0.0.3"]), "10.0.0.3")
    master.roster()
    restored = MemoryVault()
    for name, value in before.items():
        restored.write(name, value)
    after = Enrolment(master.store, restored, lambda _: None)
    assert set(after.roster().hosts) == {"m1", "h3"}
    assert after.roster().revoked.keys() == master.roster().revoked.keys()


def test_one_that_was_restored_learns_of_a_renewal(master):
    key = authority.new_key()
    first = master.join(asked(token(master), key=key), "10.0.0.2")
    before = {name: entry.value for name, entry in master.vault.list("").items()}
    public = authority.read_key(key).public_key()
    again = serial(master.renew(serial(first), public))
    restored = MemoryVault()
    for name, value in before.items():
        restored.write(name, value)
    after = Enrolment(master.store, restored, lambda _: None)
    assert after.roster().hosts["h2"].serial == again
    assert roster.listed(restored)["h2"].serial == again
    after.renew(again, public)


def test_one_that_was_restored_keeps_who_was_let_in_anew(master):
    """The name was another host's, which was shut out; that one is what the store brings back."""
    master.join(asked(token(master)), "10.0.0.2")
    before = {name: entry.value for name, entry in master.vault.list("").items()}
    roster.shut_out(master.vault, "h2")
    now = serial(master.join(asked(token(master)), "10.0.0.2"))
    restored = MemoryVault()
    for name, value in before.items():
        restored.write(name, value)
    after = Enrolment(master.store, restored, lambda _: None)
    assert after.roster().hosts["h2"].serial == now
    assert after.roster().hosts["h2"].serial == now


def test_a_copy_of_long_ago_lets_nobody_in_again(master, monkeypatch):
    """Its revocation is forgotten by then, as its certificate has ended."""
    master.join(asked(token(master)), "10.0.0.2")
    copy = master.store.roster()
    roster.shut_out(master.vault, "h2")
    later = time.time() + 366 * 86400
    stand_in(monkeypatch, roster, "time", time=lambda: later)
    assert "h2" not in roster.read(MemoryVault(), copy).hosts


def test_what_can_not_be_read_keeps_its_name(master):
    """A later version may have written it."""
    master.vault.write("public/hosts/h2", '{"host": "h2", "new": 1}')
    with pytest.raises(ArpanetError, match="another host of the name h2"):
        master.join(asked(token(master)), "10.0.0.2")


def test_what_a_registry_holds_of_nonsense_lets_nobody_in(master):
    for number, text in enumerate(["", "{", "[]", '{"host": "x"}', "null"]):
        master.vault.write(f"public/hosts/x{number}", text)
    assert set(master.roster().hosts) == {"m1"}


def test_a_revocation_goes_when_its_certificate_would_have(master, monkeypatch):
    master.join(asked(token(master)), "10.0.0.2")
    roster.shut_out(master.vault, "h2")
    assert master.roster().revoked
    later = time.time() + 366 * 86400
    stand_in(monkeypatch, roster, "time", time=lambda: later)
    empty = Enrolment(master.store, MemoryVault(), lambda _: None)
    assert not empty.roster().revoked


def test_who_is_no_master_signs_nothing(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ArpanetError, match="this host has no CA"):
        Enrolment(store, MemoryVault(), lambda _: None).authority()
