"""Who may do what in etcd: what is wanted, against what etcd has, as steps. Pure.

Every host that was let in is a user of etcd's own authentication, of its name and password. A
master's has etcd's role ``root``. All slaves share a role, and each has one of its own: etcd's
rights are for keys and ranges of keys (https://etcd.io/docs/latest/op-guide/authentication/rbac/).

* A slave writes its own record, its instances, and what it tells. The leaves of services stand
  below the services' names, which etcd can't tell by host: masters write them for all (see
  :mod:`arpanet_etcd.registry.leaves`). Who leads, and what leaders keep, is any slave's.
* It reads what readers read, in one range: etcd grants a read of a range only within such a one.

Users and roles that somebody else made are left alone.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from arpanet import Admission
from arpanet_etcd.client import wire
from arpanet_etcd.registry.keys import Layout

__all__ = ["ROOT", "Permission", "State", "Step", "Wanted", "permission", "steps", "wanted"]

#: etcd's own superuser and its role; authentication can't be turned on without it.
ROOT = "root"
#: What all slaves may, and what one host may.
SLAVE, OWN = "arpanet-slave", "arpanet-host-"


class Permission(NamedTuple):
    """One right of a role.

    :ivar kind: ``READ``, ``WRITE`` or ``READWRITE``.
    :ivar end: the first key after the range; ``""``: it is for *key* alone.
    """

    kind: str
    key: str
    end: str = ""


@dataclass(frozen=True)
class Wanted:
    """What etcd is to have.

    :ivar roles: name -> its rights.
    :ivar users: name -> its roles.
    :ivar marks: user -> what tells its password and rights from others, and neither of them.
    """

    roles: Mapping[str, frozenset[Permission]]
    users: Mapping[str, frozenset[str]]
    marks: Mapping[str, str]
    passwords: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class State:
    """What etcd has; *marks* are those of what was set last, since etcd tells no passwords."""

    enabled: bool
    roles: Mapping[str, frozenset[Permission]]
    users: Mapping[str, frozenset[str]]
    marks: Mapping[str, str]


class Step(NamedTuple):
    """One request below ``auth/``; or, without one, a mark to be kept (``""``: to be dropped)."""

    path: str
    body: Mapping[str, Any]
    mark: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return f"Step({self.path or self.mark})"  # a body may hold a password


def wanted(layout: Layout, admissions: Iterable[Admission]) -> Wanted:
    """Return what etcd is to have for *admissions*."""
    roles = {SLAVE: frozenset(_shared(layout))}
    users: dict[str, frozenset[str]] = {}
    marks, passwords = {}, {}
    for one in admissions:
        own = f"{OWN}{one.host}"
        slave = one.role != "master"
        roles[own] = frozenset(_own(layout, one.host) if slave else ())
        users[one.host] = frozenset((own, SLAVE if slave else ROOT))
        rights = sorted(roles[own] | (roles[SLAVE] if slave else set()))
        words = json.dumps([one.host, one.password, one.role, rights])
        marks[one.host] = hashlib.sha256(words.encode()).hexdigest()
        passwords[one.host] = one.password
    return Wanted(roles, users, marks, passwords)


def _shared(layout: Layout) -> Iterator[Permission]:
    yield Permission("READ", *layout.readable)
    for room in ("leaders", "notes"):
        yield _below("WRITE", f"{layout.root}{room}/")


def _own(layout: Layout, host: str) -> Iterator[Permission]:
    yield Permission("WRITE", layout.host(host))
    yield _below("WRITE", layout.record(host, ""))
    yield _below("WRITE", layout.told(host))


def _below(kind: str, prefix: str) -> Permission:
    return Permission(kind, prefix, wire.prefix_end(prefix))


def permission(given: Mapping[str, Any]) -> Permission:
    """Return a right as etcd tells it."""
    texts = (wire.decode(given.get(name, "")) for name in ("key", "range_end"))
    return Permission(given.get("permType", "READ"), *texts)


def steps(want: Wanted, have: State, root_password: str) -> list[Step]:
    """Return what makes *want* of *have*; nothing: it is as it should be.

    :param root_password: of etcd's superuser, where there is none yet.
    """
    return [
        *_roles(want, have),
        *(step for user in sorted(want.users) for step in _user(user, want, have)),
        *_superuser(have, root_password),
        *_former(want, have),
        *([] if have.enabled else [Step("enable", {})]),
    ]


def _roles(want: Wanted, have: State) -> Iterator[Step]:
    for role in sorted(want.roles):
        if role not in have.roles:
            yield Step("role/add", {"name": role})
        before = have.roles.get(role, frozenset())
        for one in sorted(before - want.roles[role]):
            keys = {"key": wire.encode(one.key), "range_end": wire.encode(one.end)}
            yield Step("role/revoke", {"role": role, **keys})
        for one in sorted(want.roles[role] - before):
            keys = {"key": wire.encode(one.key), "range_end": wire.encode(one.end)}
            yield Step("role/grant", {"name": role, "perm": {"permType": one.kind, **keys}})


def _user(user: str, want: Wanted, have: State) -> Iterator[Step]:
    secret = {"name": user, "password": want.passwords[user]}
    if user not in have.users:
        yield Step("user/add", secret)
    elif have.marks.get(user) != want.marks[user]:
        yield Step("user/changepw", secret)
    before = have.users.get(user, frozenset())
    for role in sorted(before - want.users[user]):
        yield Step("user/revoke", {"name": user, "role": role})
    for role in sorted(want.users[user] - before):
        yield Step("user/grant", {"user": user, "role": role})
    if have.marks.get(user) != want.marks[user]:
        yield Step("", {}, (user, want.marks[user]))


def _superuser(have: State, password: str) -> Iterator[Step]:
    if ROOT not in have.roles:
        yield Step("role/add", {"name": ROOT})
    if ROOT not in have.users:
        yield Step("user/add", {"name": ROOT, "password": password})
    if ROOT not in have.users.get(ROOT, ()):
        yield Step("user/grant", {"user": ROOT, "role": ROOT})


def _former(want: Wanted, have: State) -> Sequence[Step]:
    """Take away what hosts had that are not let in any more; their tokens end with the user."""
    found = []
    ours = {role.removeprefix(OWN) for role in have.roles if role.startswith(OWN)}
    for host in sorted((ours | have.marks.keys()) - want.users.keys()):
        if host in have.users and host != ROOT:
            found.append(Step("user/delete", {"name": host}))
        if f"{OWN}{host}" in have.roles:
            found.append(Step("role/delete", {"role": f"{OWN}{host}"}))
        if host in have.marks:
            found.append(Step("", {}, (host, "")))
    return found
