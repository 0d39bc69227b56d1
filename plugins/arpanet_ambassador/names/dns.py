"""DNS names of declared links: their addresses now."""

import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.resolver

from arpanet_ambassador.links.resolve import Answer, Question
from arpanet_ambassador.links.specs import Foreign

__all__ = ["ask", "ask_all"]

log = logging.getLogger(__name__)

#: Seconds that one question may take at most.
LIFETIME = 3.0
_AT_ONCE = 8


def ask_all(questions: Collection[Question]) -> Mapping[Question, Answer]:
    """Ask DNS for all of *questions*, several at once."""
    names = [one for one in questions if not isinstance(one, Foreign)]
    with ThreadPoolExecutor(_AT_ONCE, "dns") as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def ask(key: tuple[str, int]) -> Answer:
    """Ask DNS for *key*, within a time limit; whatever goes wrong is an answer, too."""
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
    except Exception as problem:  # one strange name must not cost the others their answers
        log.exception("asking DNS for %s failed", name)
        return f"asking DNS for {name} failed: {type(problem).__name__}: {problem}"


def _addresses(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    return sorted(resolver.resolve_name(name, lifetime=LIFETIME).addresses())
