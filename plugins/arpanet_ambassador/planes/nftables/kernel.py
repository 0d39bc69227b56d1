"""The kernel plane: makes each client's namespace hold its table, and keeps it so."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from arpanet_ambassador.planes import namespaces, netlink
from arpanet_ambassador.planes.namespaces import Gone
from arpanet_ambassador.planes.nftables import nft
from arpanet_ambassador.planes.nftables.ruleset import REMOVE, Home, Rules

__all__ = ["Kernel", "clear"]

log = logging.getLogger(__name__)

#: Seconds until a failed namespace is tried again: doubled each time, up to the second.
RETRY, RETRY_MOST = 1.0, 30.0


@dataclass
class _Held:
    """What was last done in a namespace; *listed* is how the kernel then showed it."""

    rules: Rules
    listed: str = ""
    trouble: str = ""
    failures: int = 0
    retry_at: float = 0.0


@dataclass
class Kernel:
    """All clients' namespaces on this host. To be used from one thread.

    :ivar drift: how often a table was found changed by somebody else, and repaired.
    """

    verify: namespaces.Belongs = namespaces.belongs
    clock: Callable[[], float] = time.monotonic
    drift: int = 0
    _held: dict[str, _Held] = field(default_factory=dict)

    def recall(self, homes: Collection[Home]) -> dict[Home, frozenset[str]]:
        """Return the ambassador's addresses that the tables in place name."""
        found = namespaces.visit_all(dict.fromkeys(homes, nft.listing), self.verify)
        return {h: nft.ambassadors(text) for h, text in found.items() if isinstance(text, str)}

    def apply(
        self, wanted: Mapping[str, Rules], alive: Collection[str], check: bool = False
    ) -> dict[str, str]:
        """Make the namespaces hold *wanted* (by container id), and return id -> trouble.

        Touches only what differs from what was done last. What failed is tried again when its time
        has come (see :meth:`due`).

        :param alive: ids of the containers that still run: no longer wanted there is removed.
        :param check: compare the rest with what the kernel holds, and repair it.
        """
        for key in self._held.keys() - wanted.keys():
            held = self._held[key]
            if key in alive and held.rules.text != REMOVE:
                wanted = {**wanted, key: Rules(held.rules.home, REMOVE, started=held.rules.started)}
            else:
                del self._held[key]
        jobs: dict[Home, Callable[[], _Done]] = {}
        for key, rules in wanted.items():
            known = self._held.get(key)
            if known is None or self._differs(rules, known):
                jobs[rules.home] = partial(_make, rules, bool(known and known.rules.localnet))
            elif check and not known.trouble:
                jobs[rules.home] = partial(_repair, rules, known.listed)
        came = namespaces.visit_all(jobs, self.verify)
        for rules in wanted.values():
            if rules.home in came:
                self._note(rules, came[rules.home])
        return {key: held.trouble for key, held in self._held.items() if held.trouble}

    def due(self) -> float | None:
        """Return in how many seconds something is to be tried again, ``None``: nothing is."""
        times = [held.retry_at for held in self._held.values() if held.trouble]
        return max(0.0, min(times) - self.clock()) if times else None

    def _differs(self, rules: Rules, held: _Held) -> bool:
        if held.trouble and held.rules == rules:
            return self.clock() >= held.retry_at
        return held.rules != rules

    def _note(self, rules: Rules, came: "_Done | Exception") -> None:
        key = rules.home.container
        held = self._held.get(key)
        if isinstance(came, Gone):
            self._held.pop(key, None)
        elif isinstance(came, Exception):
            failures = held.failures + 1 if held and held.rules == rules else 1
            wait = min(RETRY * 2.0 ** (failures - 1), RETRY_MOST)
            if not held or held.trouble != str(came):
                log.warning("container %.12s: %s", key, came)
            self._held[key] = _Held(rules, "", str(came), failures, self.clock() + wait)
        else:
            if came.repaired:
                self.drift += 1
                log.warning("container %.12s: somebody changed its links; put right again", key)
            self._held[key] = _Held(rules, came.listed)


def clear(
    homes: Collection[Home], verify: namespaces.Belongs = namespaces.belongs
) -> dict[Home, str]:
    """Remove what the kernel plane made in *homes*; return home -> trouble."""
    came = namespaces.visit_all(dict.fromkeys(homes, _remove), verify)
    return {
        home: str(one)
        for home, one in came.items()
        if isinstance(one, Exception) and not isinstance(one, Gone)
    }


# -- done inside a namespace ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Done:
    listed: str
    repaired: bool = False


def _make(rules: Rules, had_localnet: bool) -> _Done:
    nft.run(rules.text)
    if rules.localnet or had_localnet:
        netlink.set_route_localnet(rules.localnet)
    return _Done(nft.listing())


def _repair(rules: Rules, listed: str) -> _Done:
    if nft.listing() != listed:
        return replace(_make(rules, False), repaired=True)
    if rules.localnet:  # an interface may have come since
        netlink.set_route_localnet(True)
    return _Done(listed)


def _remove() -> None:
    listed = nft.listing()
    if listed:
        nft.run(REMOVE)
    if "chain connect_" in listed:
        netlink.set_route_localnet(False)
