"""Letting hosts in, with a vault that masters share: several of them, over a real etcd."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from arpanet_etcd.registry.vault import open_vault
from arpanet_identity import authority, enrolment, roster, tokens
from arpanet_identity.authority import Subject
from arpanet_identity.enrolment import Enrolment
from arpanet_identity.store import Store
from cryptography import x509

from arpanet.errors import ArpanetError
from tests.conftest import wait_for


@pytest.fixture
def masters(one_etcd, layout, tmp_path):
    """Two of one cluster, each with its own disk and its own connection to the vault."""
    first = Store(tmp_path / "m1")
    enrolment.found(first, Subject("m1", "master", ("10.0.0.1",)))
    mine = first.authority()
    second = Store(tmp_path / "m2")
    keys = (authority.pem(mine.certificate), authority.pem(mine.key))
    second.sign_with(*keys, first.secret().hex())
    second.adopt("", authority.pem(mine.certificate), mine.revoke([]))
    vaults = [open_vault(one_etcd.endpoints, layout.root.rstrip("/")) for _ in range(2)]
    made = [
        Enrolment(store, vault, lambda _: None)
        for store, vault in zip((first, second), vaults, strict=True)
    ]
    for one in made:
        one.roster()
    yield made
    for vault in vaults:
        vault.close()


def asked(token, host, key):
    given = {"id": token.id, "secret": token.secret, "request": authority.request(key)}
    return given | {"host": host, "addresses": ["10.0.0.2"]}


def made(master, role="slave", **more):
    fingerprint = authority.fingerprint(master.authority().certificate)
    return tokens.create(master.vault, fingerprint, role, **more)


def outcomes(calls):
    """Return the errors of what is done at the same moment."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.exception() for one in [pool.submit(*call) for call in calls]]


def test_of_many_with_one_token_at_many_masters_one_is_let_in(masters):
    token = made(masters[0])
    calls = [
        (masters[n % 2].join, asked(token, f"h{n}", authority.new_key()), "10.0.0.2")
        for n in range(6)
    ]
    failed = [one for one in outcomes(calls) if one]
    assert len(failed) == 5
    assert all("that token is used up" in str(one) for one in failed)
    assert len(masters[1].roster().hosts) == 2


def test_of_many_with_one_name_one_is_let_in(masters):
    calls = [
        (masters[n % 2].join, asked(made(masters[0]), "h2", authority.new_key()), "10.0.0.2")
        for n in range(6)
    ]
    failed = [one for one in outcomes(calls) if one]
    assert len(failed) == 5
    assert all("another host of the name h2" in str(one) for one in failed)


def test_a_token_goes_by_itself(masters):
    token = made(masters[0], seconds=2)
    assert list(tokens.kept(masters[1].vault))
    wait_for(lambda: not masters[1].vault.list("tokens/"))
    with pytest.raises(ArpanetError, match="that token is used up, too old"):
        masters[1].join(asked(token, "h2", authority.new_key()), "10.0.0.2")


def test_a_token_that_one_master_revokes_lets_nobody_in_at_another(masters):
    token = made(masters[0])
    tokens.revoke(masters[0].vault, token.id)
    with pytest.raises(ArpanetError, match="that token is used up, too old, revoked"):
        masters[1].join(asked(token, "h2", authority.new_key()), "10.0.0.2")
    assert set(masters[1].roster().hosts) == {"m1"}


def test_two_masters_are_let_in_at_once_by_two(masters):
    """Each signs as both of them do, and each of both knows the other."""
    given = [asked(made(masters[0], "master"), f"m{n}", authority.new_key()) for n in (3, 4)]
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(one.join, *(given[n], "10.0.0.2")) for n, one in enumerate(masters)]
    answers = [one.result() for one in calls]
    assert answers[0]["authority"] == answers[1]["authority"]
    for one in masters:
        assert set(one.roster().hosts) == {"m1", "m3", "m4"}
        assert {entry.role for entry in one.roster().hosts.values()} == {"master"}


def test_a_thief_that_renews_all_the_time_is_shut_out(masters):
    """All that it got meanwhile is revoked, at whichever master it asked."""
    key = authority.new_key()
    public = authority.read_key(key).public_key()
    serials = [serial(masters[0].join(asked(made(masters[0]), "h2", key), "10.0.0.2"))]

    def steal(master):
        while True:
            try:
                serials.append(serial(master.renew(serials[-1], public)))
            except ArpanetError as problem:
                if "nobody's any more" in str(problem):
                    return

    with ThreadPoolExecutor(2) as pool:
        thieves = [pool.submit(steal, one) for one in masters]
        wait_for(lambda: len(serials) > 4)
        roster.shut_out(masters[0].vault, "h2")
        for one in thieves:
            one.result(60)
    for one in masters:
        known = one.roster()
        assert "h2" not in known.hosts
        assert set(serials) <= set(known.revoked)


def serial(answer):
    found = x509.load_pem_x509_certificate(answer["certificate"].encode())
    return f"{found.serial_number:x}"
