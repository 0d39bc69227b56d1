"""Health by label: ``arpanet.check.<port>=http:/path every=2s``, for images without a HEALTHCHECK.

What a label means, and what a row of answers does: pure. It is asked in
:mod:`arpanet_registrator.checker`.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from arpanet import Container, hostport

__all__ = ["FLAPPING", "RECENT", "Check", "Judge", "aimed", "asked", "mistakes", "worse"]

PREFIX = "arpanet.check."
_FORM = "write arpanet.check.<port>=http:/path every=2s, or =tcp"
_NUMBER = re.compile(r"[0-9]{1,5}")
#: What may stand in a request line.
_PATH = re.compile(r"/[!-~]*")
_EVERY = re.compile(r"every=([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
#: Seconds between two checks: where none are given, the fewest and the most.
USUAL, LEAST, MOST = 2.0, 0.2, 300.0
#: Seconds that one may take at most; it never takes longer than until the next.
PATIENCE = 5.0

#: Failures in a row that make what was well unhealthy: one may be lost on the way.
MISSES = 2
#: Seconds that a server has until its first success, before it counts as unhealthy.
START = 60.0
#: Seconds for which a fall counts, how many of them are worth a word, and the most successes in
#: a row that are asked of one that falls again and again.
RECENT, FLAPPING, PROOFS = 600.0, 3, 32

#: Docker's words; each is dialled only where none of those before it is to be had.
_WORDS = ("", "healthy", "starting", "unhealthy", "stopping")


@dataclass(frozen=True)
class Check:
    """What is asked of one port.

    :ivar path: of HTTP; ``""``: it has to take a TCP connection, nothing more.
    :ivar every: seconds.
    :ivar address: where; ``ip:port``.
    :ivar run: when the container was started: one that is started anew is judged anew.
    """

    path: str
    every: float
    address: str = ""
    run: str = ""

    @property
    def patience(self) -> float:
        """Seconds that one answer may take."""
        return min(self.every, PATIENCE)


def asked(container: Container, number: int) -> Check | None:
    """Return the check that *container* declares for its port *number*.

    :raises ValueError: its label makes no sense; one sentence says why, and what would.
    """
    text = container.labels.get(f"{PREFIX}{number}")
    if text is None:
        return None
    kind, *more = text.split() or [""]
    path = kind.removeprefix("http:") if kind.startswith("http:") else ""
    label = f"the label {PREFIX}{number}={text}"
    if path.startswith("//") or (path and path[0] != "/") or kind.startswith(("https:", "tcp:")):
        raise ValueError(f"{label} names a host: a check goes to the container itself; {_FORM}")
    if kind != "tcp" and not _PATH.fullmatch(path):
        raise ValueError(f"{label} is no check: {_FORM}")
    every = USUAL
    for word in more:
        found = _EVERY.fullmatch(word)
        every = float(found[1]) * _UNITS[found[2]] if found else 0.0
        if not LEAST <= every <= MOST:
            span = f"every=200ms to every={MOST / 60:.0f}m"
            raise ValueError(f"{label}: {word} is no time between two checks: {span}")
    return Check(path, every)


def aimed(check: Check, address: str, run: str = "") -> Check:
    """Return *check* as one of *address*, ``ip:port``, in a run of its container.

    :raises ValueError: it would reach this host itself, or its neighbours, and no container.
    """
    ip = ipaddress.ip_address(hostport.split(address)[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        raise ValueError(f"its check would go to {address}, which is no container's address")
    return Check(check.path, check.every, address, run)


def mistakes(container: Container, numbers: frozenset[int]) -> list[str]:
    """Return what is wrong with labels that are of none of the ports *numbers*."""
    found = []
    for label in sorted(container.labels):
        port = label.removeprefix(PREFIX)
        if port == label:
            continue
        if not _NUMBER.fullmatch(port):
            found.append(f"the label {label} is no check: {_FORM}")
        elif int(port) not in numbers or str(int(port)) != port:
            found.append(f"the label {label} is of no TCP port that is a service")
    return found


def worse(one: str, other: str) -> str:
    """Return the worse of two words for health."""
    return max(one, other, key=lambda word: _WORDS.index(word) if word in _WORDS else 0)


@dataclass
class Judge:
    """Makes of single answers what is told to others. Times are of one clock, in seconds.

    Each fall of the last ten minutes doubles the successes in a row that are asked for before it
    counts as well again: what flaps is told less and less often.
    """

    began: float
    health: str = "starting"
    falls: list[float] = field(default_factory=list)
    _row: int = 0
    _last: bool | None = None

    def hear(self, answered: bool, now: float) -> bool:
        """Take an answer in; return whether :attr:`health` changed."""
        self._row = self._row + 1 if answered == self._last else 1
        self._last = answered
        self.fallen(now)
        before = self.health
        if answered and (before == "starting" or self._row >= self.proofs):
            self.health = "healthy"
        elif not answered and before == "healthy" and self._row >= MISSES:
            self.health = "unhealthy"
            self.falls.append(now)
        elif not answered and before == "starting" and now - self.began > START:
            self.health = "unhealthy"
        return self.health != before

    def fallen(self, now: float) -> int:
        """Return how often it fell of late."""
        self.falls = [at for at in self.falls if now - at < RECENT]
        return len(self.falls)

    @property
    def proofs(self) -> int:
        """How many successes in a row make it well again."""
        return int(min(2 ** max(len(self.falls) - 1, 0), PROOFS))
