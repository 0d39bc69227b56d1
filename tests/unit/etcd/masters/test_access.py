"""Who may do what in etcd: golden tests of what is wanted, and of the steps towards it."""

from dataclasses import replace

import pytest
from arpanet_etcd.client import wire
from arpanet_etcd.masters import access
from arpanet_etcd.masters.access import Permission, State
from arpanet_etcd.registry.keys import Layout

from arpanet import Admission

LAYOUT = Layout("/a")
M1, S1 = Admission("m1", "master", password="mm"), Admission("s1", "slave", password="ss")
SHARED = {
    Permission("READ", "/a/hosts/", "/a/told0"),
    Permission("WRITE", "/a/leaders/", "/a/leaders0"),
    Permission("WRITE", "/a/notes/", "/a/notes0"),
}
OF_S1 = {
    Permission("WRITE", "/a/hosts/s1"),
    Permission("WRITE", "/a/instances/s1/", "/a/instances/s10"),
    Permission("WRITE", "/a/told/s1/", "/a/told/s10"),
}
NOTHING = State(False, {}, {}, {})


def want(*admissions):
    return access.wanted(LAYOUT, admissions)


def after(wanted):
    """What etcd has when *wanted* was done."""
    root = {"root": frozenset()}, {"root": frozenset({"root"})}
    return State(True, {**wanted.roles, **root[0]}, {**wanted.users, **root[1]}, wanted.marks)


def words(wanted, have):
    return [
        " ".join(filter(None, (one.path, *map(str, one.body.values()), one.mark[0])))
        for one in access.steps(wanted, have, "thrown away")
    ]


def granted(role, *rights):
    def text(right):
        keys = {"key": wire.encode(right.key), "range_end": wire.encode(right.end)}
        return f"role/grant {role} { {'permType': right.kind, **keys} }"

    return [text(right) for right in sorted(rights)]


def test_a_slave_may_what_it_needs_and_a_master_all():
    found = want(M1, S1)
    assert found.roles == {
        "arpanet-slave": SHARED,
        "arpanet-host-m1": frozenset(),
        "arpanet-host-s1": OF_S1,
    }
    assert found.users == {
        "m1": {"arpanet-host-m1", "root"},
        "s1": {"arpanet-host-s1", "arpanet-slave"},
    }


def test_a_name_that_is_no_key_of_its_own_does_not_reach_its_neighbours():
    rights = want(replace(S1, host="s1/x _")).roles["arpanet-host-s1/x _"]
    name = "s1%2Fx%20_"
    assert {one.key for one in rights} == {
        f"/a/hosts/{name}",
        f"/a/instances/{name}/",
        f"/a/told/{name}/",
    }


def test_all_is_made_and_authentication_is_turned_on_last():
    assert words(want(M1, S1), NOTHING) == [
        "role/add arpanet-host-m1",
        "role/add arpanet-host-s1",
        *granted("arpanet-host-s1", *OF_S1),
        "role/add arpanet-slave",
        *granted("arpanet-slave", *SHARED),
        "user/add m1 mm",
        "user/grant m1 arpanet-host-m1",
        "user/grant m1 root",
        "m1",
        "user/add s1 ss",
        "user/grant s1 arpanet-host-s1",
        "user/grant s1 arpanet-slave",
        "s1",
        "role/add root",
        "user/add root thrown away",
        "user/grant root root",
        "enable",
    ]


def test_nothing_is_done_twice():
    assert words(want(M1, S1), after(want(M1, S1))) == []


def test_a_new_password_is_set_and_noted():
    renewed = want(M1, replace(S1, password="anew"))
    assert words(renewed, after(want(M1, S1))) == ["user/changepw s1 anew", "s1"]


def test_one_that_is_not_let_in_any_more_is_deleted_and_what_is_not_ours_is_left():
    have = after(want(M1, S1))
    have = replace(
        have,
        users={**have.users, "traefik": frozenset({"reads"})},
        roles={**have.roles, "reads": frozenset()},
    )
    assert words(want(M1), have) == ["user/delete s1", "role/delete arpanet-host-s1", "s1"]
    assert words(want(M1), replace(have, marks={"m1": have.marks["m1"]})) == [
        "user/delete s1",
        "role/delete arpanet-host-s1",
    ]


@pytest.mark.parametrize(
    ("before", "now", "done"),
    [
        (M1, S1, ["user/revoke m1 root", "user/grant m1 arpanet-slave"]),
        (S1, M1, ["user/revoke m1 arpanet-slave", "user/grant m1 root"]),
    ],
)
def test_another_role_takes_the_former_one_away(before, now, done):
    before, now = replace(before, host="m1"), replace(now, host="m1")
    other = replace(M1, host="m2")
    found = words(want(other, now), after(want(other, before)))
    assert [one for one in found if one.startswith("user/") and "changepw" not in one] == done


def test_rights_that_somebody_changed_are_put_right():
    have = after(want(M1, S1))
    more = OF_S1 - {Permission("WRITE", "/a/hosts/s1")} | {Permission("READWRITE", "/", "0")}
    have = replace(have, roles={**have.roles, "arpanet-host-s1": frozenset(more)}, enabled=False)
    taken = {"key": wire.encode("/"), "range_end": wire.encode("0")}
    assert words(want(M1, S1), have) == [
        f"role/revoke arpanet-host-s1 {taken['key']} {taken['range_end']}",
        *granted("arpanet-host-s1", Permission("WRITE", "/a/hosts/s1")),
        "enable",
    ]


def test_a_right_is_read_as_etcd_tells_it():
    told = {"key": wire.encode("/a"), "range_end": wire.encode("/b")}
    assert access.permission(told) == Permission("READ", "/a", "/b")
    assert access.permission({"permType": "WRITE", "key": told["key"]}) == Permission("WRITE", "/a")


def test_no_password_shows():
    assert "mm" not in repr(want(M1)) + repr(access.steps(want(M1), NOTHING, "thrown away"))
