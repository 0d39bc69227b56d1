"""DNS names of declared links: asked again and again, in threads of their own.

The last good answer stays when a server does not answer, or answers that there is no such name:
a link is not to break because DNS did.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.resolver

from arpanet_ambassador.links.resolve import Answers

__all__ = ["Lookups"]

log = logging.getLogger(__name__)

#: Seconds between two rounds, and the most that one question may take.
AGAIN, LIFETIME = 15.0, 3.0
_AT_ONCE = 8

Key = tuple[str, int]
Answer = tuple[tuple[str, int], ...] | str


class Lookups:
    """The names that links need now, and what DNS last said of them.

    :param changed: called from a thread of this class when an answer differs from the last one.
    """

    def __init__(
        self, changed: Callable[[], None], look_up: "Callable[[Key], Answer] | None" = None
    ) -> None:
        self._changed = changed
        self._look_up = look_up or ask
        self._wanted: frozenset[Key] = frozenset()
        self._asked: frozenset[Key] = frozenset()
        self._news = threading.Condition()
        self._started = False
        #: replaced as a whole, so it can be read from any thread
        self.answers: Answers = {}

    def want(self, keys: frozenset[Key]) -> None:
        """Keep answers of *keys* fresh, and forget all others. Returns at once."""
        with self._news:
            self._wanted = keys
            if keys and not self._started:
                self._started = True
                threading.Thread(target=self._run, name="dns", daemon=True).start()
            if keys - self._asked:
                self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._wanted - self._asked), AGAIN)
                self._asked = self._wanted
            try:
                self.round(self._asked)
            except Exception:  # of whoever is told: the next round must come all the same
                if threading.main_thread().is_alive():  # else it failed since the process ends
                    log.exception("telling of DNS answers failed")

    def round(self, keys: frozenset[Key]) -> None:
        """Ask for all of *keys* once."""
        with ThreadPoolExecutor(_AT_ONCE, "dns") as pool:
            fresh = dict(zip(keys, pool.map(self._guarded, keys), strict=True))
        before = self.answers
        self.answers = {
            key: before[key]
            if isinstance(answer, str) and not isinstance(before.get(key, ""), str)
            else answer
            for key, answer in fresh.items()
        }
        if self.answers != before:
            log.info("DNS: %s", self.answers)
            self._changed()

    def _guarded(self, key: Key) -> Answer:
        """Look *key* up; whatever comes of it is the answer, and ends nothing."""
        try:
            return self._look_up(key)
        except Exception as problem:
            log.exception("looking up %s failed", key[0])
            return f"looking up {key[0]} failed: {type(problem).__name__}: {problem}"


def ask(key: Key) -> Answer:
    """Ask DNS for *key*, within a time limit.

    :return: see :data:`arpanet_ambassador.links.resolve.Answers`.
    """
    name, port = key
    try:
        resolver = dns.resolver.Resolver()
        if port:
            return tuple((ip, port) for ip in _addresses(resolver, name))
        records = list(resolver.resolve(name, "SRV", lifetime=LIFETIME))
        best = min(record.priority for record in records)
        return tuple(
            sorted(
                (ip, record.port)
                for record in records
                if record.priority == best
                for ip in _addresses(resolver, record.target.to_text())
            )
        )
    except (dns.exception.DNSException, OSError) as problem:
        return f"DNS has no answer for {name}: {problem}"


def _addresses(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    return sorted(resolver.resolve_name(name, lifetime=LIFETIME).addresses())
