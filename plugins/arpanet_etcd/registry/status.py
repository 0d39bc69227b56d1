"""What ``arpanet status`` says of the way from here to the registry, and of other hosts' agents."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from arpanet import ARPANET_TTL, HOSTNAME, Context, Refusal, RegistryError, Status
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.registry.registry import make_registry, where

__all__ = ["line", "refusals", "status"]

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
    silent: Mapping[str, float] = {}
    refused: tuple[Refusal, ...] = ()
    try:
        silent = registry.silences()
        refused = registry.read().refused
    except RegistryError:
        pass  # the line of the masters says so
    finally:
        registry.close()
        gateway.close()
    said = [
        line(len(endpoints), troubles, silent, context.settings[ARPANET_TTL]),
        refusals(refused, context.settings[HOSTNAME]),
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


def line(
    count: int, troubles: Mapping[str, str], silent: Mapping[str, float], ttl: int
) -> Status | None:
    """Return what is to be said, ``None``: all is well, or nobody answers, which others say.

    :param troubles: endpoint -> what is wrong with it.
    :param silent: host -> seconds since its agent was heard of.
    :param ttl: each agent is heard of three times as often.
    """
    words = []
    if troubles and len(troubles) < count:
        bad = (f"{urlsplit(url).netloc} {why}" for url, why in sorted(troubles.items()))
        words.append(f"{len(troubles)} of {count} endpoints are not used: {'; '.join(bad)}")
    late = [f"{host} ({age:g} s)" for host, age in sorted(silent.items()) if age > 2 * ttl / 3]
    if late:
        words.append(f"registrators that are silent or stuck: {', '.join(late)}")
    return Status("registry", "degraded", "; ".join(words)) if words else None
