"""Which step the change of the CA is at, and who is waited for: without the wire."""

from dataclasses import replace

import pytest
from arpanet_identity import authority, rotation
from arpanet_identity.roster import Entry
from arpanet_identity.rotation import Plan
from arpanet_identity.store import Store

from arpanet import MemoryVault

BOTH = Plan("trust", "b", ("a", "b"))


def entry(host, *shown, role="slave"):
    return Entry(host, role, ("10.0.0.1",), "1", 0.0, "g", shown=shown)


def test_one_step_follows_the_other_and_the_former_ca_is_trusted_until_the_last():
    sign = BOTH.following()
    drop = sign.following()
    assert (sign, drop) == (Plan("sign", "b", ("a", "b")), Plan("drop", "b", ("b",)))
    assert drop.following() == Plan("", "b", ("b",))


@pytest.mark.parametrize(
    ("plan", "shown", "suits"),
    [
        (BOTH, ("a", "a", "b"), True),
        (BOTH, ("", "a", "b"), True),
        (BOTH, ("a", "a"), False),
        (BOTH, (), False),
        (BOTH.following(), ("a", "a", "b"), False),
        (BOTH.following(), ("b", "a", "b"), True),
        (BOTH.following().following(), ("b", "a", "b"), False),
        (BOTH.following().following(), ("b", "b"), True),
    ],
)
def test_what_a_host_has_to_show(plan, shown, suits):
    assert plan.suits(shown) is suits


def test_who_is_waited_for():
    hosts = {
        "m1": entry("m1", "a", "a", "b", role="master"),
        "h1": entry("h1", "a", "a", "b"),
        "h2": entry("h2", "a", "a"),
    }
    assert rotation.waiting(BOTH, hosts, {}) == ["h2", "m1"]
    begun = {"m1": ("a", "b")}
    assert rotation.waiting(BOTH, hosts, begun) == ["h2"]
    assert rotation.waiting(BOTH.leaving_out(("h2",)), hosts, begun) == []
    sign = replace(BOTH, without=("h2",)).following()
    assert rotation.waiting(sign, hosts, begun) == ["h1", "m1"]


def test_in_the_last_step_for_masters_alone():
    drop = BOTH.following().following()
    hosts = {"m1": entry("m1", "b", "a", "b", role="master"), "h1": entry("h1", "b", "a", "b")}
    assert rotation.waiting(drop, hosts, {"m1": ("a", "b")}) == ["m1"]
    assert rotation.waiting(drop, hosts, {"m1": ("b",)}) == []


def test_a_change_may_follow_before_any_master_has_looked_that_the_first_is_done(tmp_path):
    vault, kept = MemoryVault(), Store(tmp_path)
    made = kept.begin()
    kept.trust(authority.pem(made.certificate))
    assert rotation.begin(vault, kept)
    first = rotation.read_next(vault)
    assert not rotation.begin(vault, kept)
    assert rotation.change(vault, Plan("", first.fingerprint, (first.fingerprint,)), 0)
    assert rotation.begin(vault, kept)
    second = rotation.read_next(vault)
    assert second.fingerprint != first.fingerprint
    rotation.forget(vault, first)  # by a master that had read it before
    assert rotation.read_next(vault) == second


def test_for_each_who_is_waited_for_there_is_a_way_out():
    hosts = {
        "h1": entry("h1", "a", "a"),
        "h2": entry("h2"),
        "m1": entry("m1", "a", "a", role="master"),
        "m2": entry("m2", role="master"),
    }
    ways = rotation.advice(hosts, sorted(hosts)).split("; ", 1)
    assert ways[0] == "start h1, or go on without it: 'arpanet certs rotate --without h1'"
    for name in ("h2", "m1", "m2"):
        assert f"'arpanet certs revoke {name}'" in ways[1]
    assert "--without" not in ways[1]
    assert rotation.advice(hosts, []) == ""


def test_people_are_told_who_holds_it_up_and_what_to_do():
    vault = MemoryVault()
    assert rotation.progress(vault) == ""
    assert rotation.change(vault, BOTH, 0)
    assert rotation.progress(vault).endswith("all learn to trust the next one")
    vault.write("public/hosts/h2", '{"host": "h2", "role": "slave", "addresses": [], "serial": "1"'
                ', "ends": 0, "generation": "g"}')  # fmt: skip
    assert "waits for h2: h2 never asked for another certificate" in rotation.progress(vault)
    assert "'arpanet certs revoke h2'" in rotation.progress(vault)
    assert rotation.change(vault, Plan("", "b", ("b",)), rotation.read(vault)[1])
    assert rotation.progress(vault) == ""
