"""The cluster's CA is changed: agents of masters and slaves, real sockets and certificates."""

import pytest
from arpanet_identity import authority, client, host, renewal, roster, rotation, tokens
from arpanet_identity.store import Store

from arpanet.errors import ArpanetError
from tests.conftest import wait_for
from tests.services.identity.agents import fingerprint, join, let_in, listens, place
from tests.support.loopback import free_address


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(renewal, "LOOK", 0.2)
    monkeypatch.setattr(renewal, "SOON", 0.1)


@pytest.fixture
def second(agent, master, registry):
    made = agent("m2", "master", ip=free_address())
    join(master, made, registry, "master")
    wait_for(lambda: listens(place(made)))
    return made


def step(registry):
    plan, _ = rotation.read(registry.vault)
    return plan.step if plan else None


def waits(registry):
    plan, _ = rotation.read(registry.vault)
    hosts = roster.listed(registry.vault)
    return rotation.waiting(plan, hosts, rotation.begun(registry.vault)) if plan else None


def changed(kept):
    """Return whose certificate it is and whom it trusts."""
    return rotation.shown(kept.certificate(), kept.trusted())


def test_it_ends_with_all_hosts_under_the_next_one_and_the_former_trusted_nowhere(
    master, second, agent, registry
):
    slave = join(master, agent("h2"), registry)
    stores = [host.store(master.context), host.store(second.context), slave]
    before = fingerprint(master)
    passwords = [(kept.key(), kept.me.password) for kept in stores]
    assert rotation.begin(registry.vault, stores[0])
    assert not rotation.begin(registry.vault, stores[1])  # it is one change
    wait_for(lambda: step(registry) == "", 60)
    after = fingerprint(master)
    assert after == fingerprint(second) != before
    wait_for(lambda: {changed(kept) for kept in stores} == {(after, after)})
    assert [(kept.key(), kept.me.password) for kept in stores] == passwords
    for kept in stores:
        kept.me.check()
    # once to trust both, once to trust one
    assert sorted(registry.restarted) == ["m1", "m1", "m2", "m2"]
    wait_for(lambda: not registry.vault.list("authority/"))
    join(second, agent("h3"), registry)


def test_it_waits_for_who_is_away_who_can_come_back(master, agent, registry):
    away = agent("h2")
    let_in(master, away, registry)
    before = fingerprint(master)
    rotation.begin(registry.vault, host.store(master.context))
    wait_for(lambda: waits(registry) == ["h2"], 30)
    assert (step(registry), fingerprint(master)) == ("trust", before)
    assert "waits for h2: h2 never asked" in rotation.progress(registry.vault)
    away.start()
    wait_for(lambda: step(registry) == "", 60)


def test_who_was_not_waited_for_is_told_and_comes_again_with_a_token(master, agent, registry):
    away = agent("h2")
    let_in(master, away, registry)
    kept = host.store(away.context)
    old = tokens.create(registry.vault, fingerprint(master), "slave")
    rotation.begin(registry.vault, host.store(master.context))
    wait_for(lambda: waits(registry) == ["h2"], 30)
    plan, version = rotation.read(registry.vault)
    assert rotation.change(registry.vault, plan.leaving_out(("h2",)), version)
    wait_for(lambda: step(registry) == "", 60)
    with pytest.raises(ArpanetError, match="can't be trusted") as refused:
        client.renew(place(master), kept.me)
    assert "remove its host.pem, and join again" in refused.value.hint
    kept.me.certificate.unlink()
    with pytest.raises(ArpanetError, match="not of the cluster that made this token") as refused:
        host.join(away.context, place(master), str(old))
    assert "the cluster's CA was changed since" in refused.value.hint
    join(master, away, registry)
    assert changed(kept) == (fingerprint(master),) * 2


def test_tokens_of_before_are_gone_once_the_next_one_signs(master, registry):
    tokens.create(registry.vault, fingerprint(master), "slave")
    rotation.begin(registry.vault, host.store(master.context))
    wait_for(lambda: step(registry) == "", 60)
    assert not list(tokens.kept(registry.vault))


def test_the_master_that_made_the_ca_is_gone_for_good_and_another_changes_it(
    master, agent, registry
):
    """Once that one is shut out, which is said."""
    ip = free_address()
    known = {"ARPANET_MASTERS": f"{host.subject(master.context, '').addresses[0]},{ip}"}
    second = agent("m2", "master", ip=ip, **known)
    join(master, second, registry, "master")
    slave = join(master, agent("h2", **known), registry)
    wait_for(lambda: listens(place(second)))
    master.stop()
    before = fingerprint(second)
    assert rotation.begin(registry.vault, host.store(second.context))
    wait_for(lambda: waits(registry) == ["m1"], 30)
    assert "if it is gone for good" in rotation.progress(registry.vault)
    roster.shut_out(registry.vault, "m1")
    wait_for(lambda: step(registry) == "", 60)
    after = fingerprint(second)
    assert after != before
    wait_for(lambda: changed(slave) == (after, after))
    assert registry.restarted == ["m2", "m2"]
    join(second, agent("h3", **known), registry)


def test_it_is_told_what_keeps_a_master_from_beginning_anew_and_goes_on(master, registry):
    registry.sick = "m2 does not answer"
    rotation.begin(registry.vault, host.store(master.context))
    wait_for(lambda: waits(registry) == ["m1"], 30)
    registry.sick = ""
    wait_for(lambda: step(registry) == "", 60)


def test_a_master_that_is_killed_in_the_middle_goes_on(master, agent, registry):
    join(master, agent("h2"), registry)
    registry.sick = "not now"
    rotation.begin(registry.vault, host.store(master.context))
    wait_for(lambda: waits(registry) == ["m1"], 30)
    master.stop()
    registry.vault.write(rotation.LOCK, "m1", ttl=120)  # as it is left by one that was killed
    ca = host.store(master.context).directory / "ca/ca.key"
    key = ca.read_text()
    registry.sick = ""
    again = agent("m1", "master")
    again.start()
    wait_for(lambda: step(registry) == "", 60)
    assert ca.read_text() != key


def test_a_master_that_is_killed_while_it_takes_the_next_key_goes_on(
    master, agent, registry, monkeypatch
):
    kept = host.store(master.context)
    ca = kept.directory / "ca/ca.key"
    key = ca.read_text()

    def cut(store, certificate, key, secret):
        ca.write_text(key)
        raise OSError("killed here")

    with monkeypatch.context() as killed:
        killed.setattr(Store, "sign_with", cut)
        rotation.begin(registry.vault, kept)
        wait_for(lambda: ca.read_text() != key, 60)
        master.stop()
    with pytest.raises(ArpanetError, match="is not the key of"):
        kept.authority()
    agent("m1", "master").start()
    wait_for(lambda: step(registry) == "", 60)
    assert kept.authority()


def test_a_masters_own_renewal_changes_nothing_of_whom_it_trusts(master, second):
    """The one that answers may not be as far, and etcd reads the file when it begins."""
    kept = host.store(second.context)
    both = kept.me.ca.read_text() + authority.pem(authority.create().certificate)
    kept.trust(both)
    before = kept.certificate()
    host.adopt(kept, client.renew(place(master), kept.me), renewed=True)
    assert (kept.me.ca.read_text(), kept.certificate() == before) == (both, False)


@pytest.mark.parametrize("said", [("x" * 64,), ("a" * 63,), ("a" * 64,) * 9])
def test_what_is_no_fingerprint_is_not_kept(master, agent, registry, said):
    kept = join(master, agent("h2"), registry)
    with pytest.raises(ArpanetError, match="no list of fingerprints"):
        client.renew(place(master), kept.me, said)


def test_a_second_change_follows_the_first(master, registry):
    seen = [fingerprint(master)]
    for _ in range(2):
        wait_for(lambda: rotation.begin(registry.vault, host.store(master.context)), 60)
        wait_for(lambda: not registry.vault.read(rotation.NEXT), 60)
        seen.append(fingerprint(master))
    assert len(set(seen)) == 3


def test_the_key_of_the_next_one_is_locked(master, registry):
    rotation.begin(registry.vault, host.store(master.context))
    coming = rotation.read_next(registry.vault)
    assert "ENCRYPTED" in coming.key
    with pytest.raises(ArpanetError, match="locked by another"):
        coming.unlocked(b"another")
