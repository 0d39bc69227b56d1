"""Clients -> the spaces that the programs tell them apart by."""

from collections.abc import Collection

from arpanet_ambassador.planes import namespaces
from arpanet_ambassador.planes.plane import Home
from arpanet_ambassador.planes.socket.host import Host, Unavailable, cookie
from arpanet_ambassador.planes.socket.layout import CGROUP

__all__ = ["ROOT", "Spaces"]

#: Why a client on the host's own network has no links where that is so.
ROOT = (
    "a client on the host's own network is told apart by its cgroup, and Docker uses cgroups of "
    "version 1 here: give the container a network of its own"
)


class Spaces:
    """Cookies of network namespaces, and ids of cgroups: looked up once for each client."""

    def __init__(self, host: Host, verify: namespaces.Belongs) -> None:
        self._host, self._verify = host, verify
        self._known: dict[Home, int] = {}

    def find(self, homes: Collection[Home]) -> tuple[dict[Home, int], dict[Home, str]]:
        """Return the spaces of *homes*, and why some have none; forgets all others.

        :raises Unavailable: this kernel has no cookies.
        """
        self._known = {home: space for home, space in self._known.items() if home in homes}
        fresh = [home for home in homes if home not in self._known]
        own = dict.fromkeys((home for home in fresh if not home.shared), cookie)
        came: dict[Home, int | Exception] = {
            **namespaces.visit_all(own, self._verify),
            **{home: self._cgroup(home) for home in fresh if home.shared},
        }
        lost: dict[Home, str] = {}
        for home, one in came.items():
            if isinstance(one, Unavailable):
                raise one
            if isinstance(one, Exception):
                lost[home] = str(one)
            else:
                self._known[home] = one
        return self._known, lost

    def _cgroup(self, home: Home) -> int | Exception:
        try:
            found = self._host.cgroup(home.pid)
            # afterwards: the number of a process that ended is given to another
            if not self._verify(home):
                return namespaces.Gone(f"process {home.pid} is not the container's any more")
        except (Unavailable, OSError) as problem:
            return namespaces.NotEntered(f"its cgroup cannot be told: {problem}")
        return namespaces.NotEntered(ROOT) if found is None else found | CGROUP
