"""What ``arpanet status`` says of the way from here to the registry, and of other hosts' agents."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from arpanet import ARPANET_TTL, HOSTNAME, Context, Refusal, RegistryError, Status
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.registry.presence import late
from arpanet_etcd.registry.registry import make_registry
from arpanet_etcd.settings import where

__all__ = ["line", "refusals", "silence", "status"]

#: Seconds for one master to answer.
TIMEOUT = 1.0
#: How many refused instances are named.
NAMED = 5


def status(context: Context) -> list[Status]:
    """Return what is wrong between this host and the registry, and which instances are refused."""
    registry = make_registry(context.settings)
    found = where(context.settings)
    if registry is None or found is None:
        return []
    endpoints, _ = found
    gateway = Gateway(endpoints, timeout=TIMEOUT, pinned=True)
    troubles = gateway.survey()
    silent: Mapping[tuple[str, str], float] = {}
    refused: tuple[Refusal, ...] = ()
    try:
        silent = registry.silences()
        refused = registry.read().refused
    except RegistryError:
        pass  # the line of the masters says so
    finally:
        registry.close()
        gateway.close()
    here = context.settings[HOSTNAME]
    said = [
        line(len(endpoints), troubles),
        silence(silent, here, context.settings[ARPANET_TTL]),
        refusals(refused, here),
    ]
    return [one for one in said if one]


def refusals(refused: Iterable[Refusal], host: str) -> Status | None:
    """Return what nobody uses although it is registered; degraded where *host* registered it."""
    found = sorted(refused, key=lambda one: (one.instance.host != host, one.instance.id))
    if not found:
        return None
    words = [f"{one.instance.id} ({one.why})" for one in found[:NAMED]]
    if len(found) > NAMED:
        words.append(f"and {len(found) - NAMED} more: 'arpanet services'")
    state = "degraded" if found[0].instance.host == host else "ok"
    return Status("refused instances", state, ", ".join(words))


def silence(silent: Mapping[tuple[str, str], float], host: str, ttl: int) -> Status | None:
    """Return which agents of other hosts than *host* are silent; ``None``: none is.

    :param silent: (host, agent) -> seconds since it was heard of.
    :param ttl: see :func:`arpanet_etcd.registry.presence.late`.
    """
    found: dict[str, list[str]] = {}
    for (other, agent), age in sorted(silent.items()):
        if other != host and late(age, ttl):
            found.setdefault(other, []).append(f"{agent} for {_span(age)}")
    if not found:
        return None
    words = "; ".join(f"{other} ({', '.join(agents)})" for other, agents in found.items())
    return Status("other hosts", "degraded", f"silent, stuck or dead: {words}")


def _span(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def line(count: int, troubles: Mapping[str, str]) -> Status | None:
    """Return what is to be said, ``None``: all is well, or nobody answers, which others say.

    :param troubles: endpoint -> what is wrong with it.
    """
    if not troubles or len(troubles) >= count:
        return None
    bad = (f"{urlsplit(url).netloc} {why}" for url, why in sorted(troubles.items()))
    words = f"{len(troubles)} of {count} endpoints are not used: {'; '.join(bad)}"
    return Status("registry", "degraded", words)
