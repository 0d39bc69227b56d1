"""Keeping etcd's users and roles as they are wanted, and its authentication on.

Each change of users or roles refuses the requests of others that are under way (they are repeated),
and reading them costs the masters a write in their logs for each user and each role. So what was
set last is marked in the vault; where the marks are right, nothing else is looked at but now and
then, and only where etcd has counted a change since.
"""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from arpanet import ARPANET_IP, HOSTNAME, Admission, Context, RegistryError, identity
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError
from arpanet_etcd.masters import access
from arpanet_etcd.masters.access import ROOT, State, Step, Wanted
from arpanet_etcd.masters.cutoff import Cutting
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.vault import V3Vault, where_v3
from arpanet_etcd.settings import ETCD_PEERPORT, ETCD_PORT

__all__ = ["Access", "make_access"]

log = logging.getLogger(__name__)

#: What the names of the marks in the vault begin with.
MARKS = "users/"
#: Seconds after which all of it is looked at although the marks are right: what was changed by hand
#: is put right, too.
AUDIT = 600.0
#: What etcd counts its changes of users and roles by (etcd: auth/metrics.go). It promises no metric
#: of that kind to stay: where it tells none, all of it is looked at each time.
CHANGES = "etcd_debugging_auth_revision"
#: How often what others change at the same time is looked at anew.
ATTEMPTS = 10
#: Seconds for one change: etcd itself gives up after 7.
TIMEOUT = 10.0


class Access:
    """The users and roles of one cluster. Used by one thread.

    :param places: see :class:`Cutting`.
    """

    def __init__(
        self,
        gateway: Gateway,
        layout: Layout,
        clock: Callable[[], float] = time.monotonic,
        places: Collection[tuple[str, int]] = (),
    ) -> None:
        self._gateway, self._layout, self._clock = gateway, layout, clock
        self._vault = V3Vault(gateway, layout)
        self._audit_at = 0.0
        #: etcd's count when all of it was as wanted
        self._changes = ""
        self._cutting = Cutting(places)

    def admit(self, admissions: Sequence[Admission], own: str) -> None:
        """Let *admissions* be all that may do anything. Changes nothing twice.

        :param own: this master's HOSTNAME.
        :raises RegistryError: it is not among them, and would shut itself out; some can't be let
            in: the others are.
        """
        good, refused = _sift(admissions)
        mine = next((one for one in good if one.host == own and one.role == "master"), None)
        if mine is None:
            raise RegistryError(
                f"{own} is not among the masters that were let in: it would shut itself out",
                "see 'arpanet certs' on another master",
            )
        want = access.wanted(self._layout, good)
        marks = self._marks()
        if marks != want.marks or self._due() or not self._enabled():
            self._make_so(want, mine)
            self._audit_at = self._clock() + AUDIT
        self._cutting.look(good)
        if refused:
            raise RegistryError("; ".join(refused))

    def close(self) -> None:
        """Let go of connections."""
        self._gateway.close()

    def _due(self) -> bool:
        """Whether all of it is to be looked at although the marks are right."""
        if self._clock() < self._audit_at:
            return False
        if self._changes and self._counted() == self._changes:
            self._audit_at = self._clock() + AUDIT
            return False
        return True

    def _counted(self) -> str:
        try:
            return self._gateway.metric(CHANGES)
        except RegistryError:  # who is let in does not wait for that
            return ""

    def _make_so(self, want: Wanted, mine: Admission) -> None:
        refused = RegistryError("others keep changing etcd's users and roles")
        for _ in range(ATTEMPTS):
            try:
                changes = self._counted()  # first: what comes in between counts
                have = self._state(self._marks())
                todo = access.steps(want, have, secrets.token_urlsafe(32))
                if not todo:
                    self._changes = changes
                    return
                if not have.enabled:
                    _check_password(mine)
                for step in todo:
                    self._do(step)
            except EtcdError as problem:
                if problem.code not in (wire.PRECONDITION, wire.INVALID):
                    raise
                refused = problem  # another master may be doing the same: it is looked at anew
        raise refused

    def _do(self, step: Step) -> None:
        if step.path:
            log.debug("etcd's authentication: %s %s", step.path, _named(step.body))
            self._call(step.path, step.body)
            return
        host, mark = step.mark
        if mark:
            self._vault.write(f"{MARKS}{host}", mark)
        else:
            self._vault.delete(f"{MARKS}{host}")

    # -- what etcd has ---------------------------------------------------------------------------

    def _marks(self) -> dict[str, str]:
        found = self._vault.list(MARKS)
        return {name.removeprefix(MARKS): entry.value for name, entry in found.items()}

    def _state(self, marks: dict[str, str]) -> State:
        roles = {
            name: frozenset(
                access.permission(one) for one in self._get("role/get", {"role": name}, "perm")
            )
            for name in self._get("role/list", {}, "roles")
        }
        users = {
            name: frozenset(self._get("user/get", {"name": name}, "roles"))
            for name in self._get("user/list", {}, "users")
        }
        return State(self._enabled(), roles, users, marks)

    def _enabled(self) -> bool:
        """Ask for a token in nobody's name: what etcd says then, needs no rights in any version."""
        try:
            self._call("authenticate", {"name": "", "password": ""})
        except EtcdError as problem:
            return problem.code != wire.PRECONDITION
        return True

    def _get(self, path: str, body: dict[str, str], what: str) -> Sequence[Any]:
        found: Sequence[Any] = self._call(path, body).get(what, ())
        return found

    def _call(self, path: str, body: Any) -> Any:
        return self._gateway.call(f"auth/{path}", body, timeout=TIMEOUT)


def _sift(admissions: Sequence[Admission]) -> tuple[list[Admission], list[str]]:
    """Return those that can be users, and why the others can't."""
    good, refused = [], []
    for one in admissions:
        if one.host == ROOT:
            refused.append(f"HOSTNAME {ROOT} is the name of etcd's superuser: give it another")
        elif not one.password:
            refused.append(f"{one.host} has no password for etcd")
        else:
            good.append(one)
    return good, refused


def _check_password(mine: Admission) -> None:
    """Refuse to turn on what would shut this master out.

    :raises RegistryError: it would say another password than the one that was admitted.
    """
    me = identity.current()
    if me and me.password and me.password != mine.password:
        raise RegistryError(f"{mine.host} has another password on its disk than it was let in with")


def _named(body: Any) -> str:
    return " ".join(str(body[name]) for name in ("user", "name", "role") if name in body)


def make_access(context: Context) -> Access | None:
    """Return the access to what ``ARPANET_REGISTRY`` names; ``None``: it is not etcd's. No I/O.

    :raises SettingsError: its old API was asked for.
    """
    found = where_v3(context.settings)
    if found is None:
        return None
    masters, path = found
    gateway = Gateway(masters, seed=context.settings[HOSTNAME], pinned=True)
    ip, ports = context.settings[ARPANET_IP], (ETCD_PORT, ETCD_PEERPORT)
    places = [(ip, context.settings[port]) for port in ports]
    return Access(gateway, Layout(path), places=places)
