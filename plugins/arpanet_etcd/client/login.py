"""This host's word to etcd's own authentication: a token, got for its password.

etcd knows nobody by a certificate at its JSON gateway, so beside the certificate a password tells
whose request it is. Tokens live in the members' memory: 5 minutes after they were last used there,
or until that member is started again. A request that is refused for its token was not looked at any
further, so it may be sent again. A token ends with the number of the change that made it, and a
member waits until it has seen that many: one whose store was wiped or restored since waits in vain
(etcd: server/auth/store.go, simple_token.go).
"""

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from arpanet import Identity, identity
from arpanet_etcd.client.wire import (
    INVALID,
    PERMISSION,
    PRECONDITION,
    UNAUTHENTICATED,
    EtcdError,
    Json,
)

__all__ = ["Login", "Nameless", "shared"]

#: What etcd says to a request without a token, where it asks for one.
NAMELESS = "user name is empty"
#: What it says when users or roles were changed while the request was under way.
OUTDATED = "revision of auth store is old"
#: What an etcd says that doesn't ask for passwords.
OPEN = "authentication is not enabled"


class Login:
    """Thread-safe; asks for a token only once a request was refused for lack of one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.token = ""
        #: a member didn't know the token, and no other was asked for since
        self.lost = False

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries. 3.4 and 3.5 understand no word before the token."""
        return {"Authorization": self.token} if self.token else {}

    def helps(self, problem: EtcdError, token: str, ask: Callable[[Json], Json]) -> bool:
        """Return whether a request that was refused with *problem* may be sent once more.

        :param token: what it was sent with.
        :param ask: asks the same member for a token.
        """
        if OUTDATED in problem.message:
            return True
        nameless = problem.code == INVALID and NAMELESS in problem.message
        # to some requests without a token, etcd says no as it would to a user without the right
        nameless = nameless or (problem.code == PERMISSION and not token)
        if problem.code != UNAUTHENTICATED and not nameless:
            return False
        with self._lock:
            if self.token == token:  # else somebody was faster
                self.token, self.lost = self._get(ask), False
            return bool(self.token) or problem.code == UNAUTHENTICATED

    def forget(self) -> None:
        """Ask for a token anew: a member didn't know this one."""
        with self._lock:
            self.token, self.lost = "", True

    @staticmethod
    def _get(ask: Callable[[Json], Json]) -> str:
        me = identity.current()
        password = me.password if me else ""
        if me is None or not password:
            return ""
        try:
            return str(ask({"name": me.name, "password": password}).get("token", ""))
        except EtcdError as problem:
            if problem.code == PRECONDITION and OPEN in problem.message:
                return ""
            raise


_known: WeakKeyDictionary[Identity, Login] = WeakKeyDictionary()
_knowing = threading.Lock()


def shared() -> Login:
    """Return the one of all clients in this process that speak for the host that it is now.

    A token is an entry in the masters' log, and costs etcd a slow hash of the password.
    """
    me = identity.current()
    if me is None:  # it has no password to say
        return Login()
    with _knowing:
        return _known.setdefault(me, Login())


class Nameless(Login):
    """Tells nobody who this host is: an etcd that is none of the cluster's could use it."""

    @staticmethod
    def _get(ask: Callable[[Json], Json]) -> str:
        return ""
