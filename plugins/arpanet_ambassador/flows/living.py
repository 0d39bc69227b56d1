"""Instances that need no dial: connections of clients here prove that they are there.

The socket plane tells which client dialled an instance last; the kernel, when that client's sockets
last heard of it. So an instance with traffic is never dialled for nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice

from arpanet_ambassador.flows.dialling import Endpoint
from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.plane import Client
from arpanet_ambassador.planes.socket.layout import Seen

__all__ = ["Living", "askers"]

#: Seconds for which what was heard proves that somebody is there.
_FRESH = 1.0
#: How many of a client's sockets are looked at: beyond that a dial costs less.
_ENOUGH = 1000


class Living:
    """To be called from any one thread.

    :param seen: who talked to whom, lately.
    :param clients: by what *seen* calls them.
    """

    def __init__(
        self,
        seen: Callable[[], Iterable[Seen]],
        clients: Callable[[], Mapping[str, Client]],
        verify: namespaces.Belongs = namespaces.belongs,
    ) -> None:
        self._seen, self._clients, self._verify = seen, clients, verify

    def __call__(self, wanted: frozenset[Endpoint]) -> frozenset[Endpoint]:
        """Return those of *wanted* that connections prove to be there; where in doubt, not."""
        clients = self._clients()
        work = {
            clients[key].home: partial(_heard, targets)
            for key, targets in askers(self._seen(), wanted).items()
            if key in clients and not clients[key].home.shared
        }
        came = namespaces.visit_all(work, self._verify)
        return frozenset().union(*(one for one in came.values() if isinstance(one, frozenset)))


def askers(seen: Iterable[Seen], wanted: frozenset[Endpoint]) -> dict[str, frozenset[Endpoint]]:
    """Return client -> the addresses that nobody dialled later than it did; pure."""
    last: dict[Endpoint, tuple[float, str]] = {}
    for one in seen:
        if one.target in wanted and one.dialled.protocol == "tcp":
            last[one.target] = max(last.get(one.target, (0.0, "")), (one.traffic.last, one.client))
    found: dict[str, set[Endpoint]] = {}
    for target, (_, client) in last.items():
        found.setdefault(client, set()).add(target)
    return {client: frozenset(targets) for client, targets in found.items()}


def _heard(targets: frozenset[Endpoint]) -> frozenset[Endpoint]:
    found = set()
    for target, ago in islice(netlink.heard(), _ENOUGH):
        if target in targets and ago < _FRESH:
            found.add(target)
            if found == targets:
                break
    return frozenset(found)
