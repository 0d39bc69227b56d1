"""Instances that need no dial: connections of clients here tell whether they are there.

The socket plane tells which client dialled an instance last; the kernel, when that client's sockets
last heard of it, and which of them have asked it for a connection in vain. So an instance with
traffic is never dialled for nothing. A refusal leaves no socket behind: see ``refused.py``.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from arpanet import sockets
from arpanet_ambassador.flows.dialling import Endpoint
from arpanet_ambassador.planes import detour, namespaces
from arpanet_ambassador.planes.plane import Client
from arpanet_ambassador.planes.socket.layout import Seen

__all__ = ["Living", "Signs", "askers"]

#: Seconds for which what was heard proves that somebody is there.
_FRESH = 1.0
#: How many of a client's sockets are looked at: beyond that a dial costs less.
_ENOUGH = 1000
#: How many clients are looked at in a second: each look walks the table of all sockets of the
#: machine, and costs as much as twenty dials. Who has told nothing is left alone for some
#: seconds, and who dialled what is looked up as often.
_LOOKS, _REST = 2, 5.0


@dataclass(frozen=True)
class Signs:
    """What connections tell.

    :ivar there: instances that said a thing just now -> how many seconds ago.
    :ivar hanging: others, and of each connection that one has not answered for a second at least,
        how many seconds ago it was begun.
    """

    there: Mapping[Endpoint, float] = field(default_factory=dict)
    hanging: Mapping[Endpoint, tuple[float, ...]] = field(default_factory=dict)


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seen, self._clients, self._verify, self._clock = seen, clients, verify, clock
        self._known: list[Seen] = []
        self._again = float("-inf")
        self._resting: dict[str, float] = {}

    def __call__(self, wanted: frozenset[Endpoint]) -> Signs:
        """Return what connections tell of *wanted*; where in doubt, nothing."""
        clients = self._clients()
        asked = self._asked(wanted, clients)
        homes = {clients[key].home: key for key in asked}
        work = {home: partial(_heard, asked[key]) for home, key in homes.items()}
        there: dict[Endpoint, float] = {}
        hanging: dict[Endpoint, tuple[float, ...]] = {}
        for home, came in namespaces.visit_all(work, self._verify).items():
            found = came if isinstance(came, Signs) else Signs()
            there |= found.there
            hanging |= found.hanging
            if not found.there and not found.hanging:
                self._resting[homes[home]] = self._clock() + _REST
        return Signs(there, hanging)

    def _asked(
        self, wanted: frozenset[Endpoint], clients: Mapping[str, Client]
    ) -> dict[str, frozenset[Endpoint]]:
        """Return the few clients that may prove the most, and of what."""
        now = self._clock()
        if now >= self._again:
            self._known, self._again = list(self._seen()), now + _REST
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        every = askers(self._known, wanted)
        able = [
            key
            for key in every
            if key in clients and key not in self._resting and not clients[key].home.shared
        ]
        chosen = sorted(able, key=lambda key: (-len(every[key]), key))[:_LOOKS]
        return {key: every[key] for key in chosen}


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


def _heard(targets: frozenset[Endpoint]) -> Signs:
    there: dict[Endpoint, float] = {}
    hanging: dict[Endpoint, list[float]] = {}
    led = detour.led()
    for dialled, answers, ago, source in islice(sockets.heard(), _ENOUGH):
        target = led.get((source, dialled), dialled)
        if target in targets and not answers:
            hanging.setdefault(target, []).append(ago)
        elif target in targets and ago < _FRESH:
            there[target] = min(there.get(target, ago), ago)
            if there.keys() == targets:
                break
    return Signs(there, {one: tuple(a) for one, a in hanging.items() if one not in there})
