"""A cluster as one of its members tells it on the peer port.

``GET /members`` there answers from the member's own memory, so also without a quorum; the header
``X-Etcd-Cluster-Id`` names the cluster (etcd: server/etcdserver/api/etcdhttp/peer.go).
"""

import re
from collections.abc import Sequence
from typing import Any

from urllib3.exceptions import HTTPError

from arpanet import Member, RegistryError, RegistryUnreachable, UsageError, codec, hostport
from arpanet_etcd.client import connections
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters.plan import Cluster, Own

__all__ = [
    "address",
    "agreed",
    "answers",
    "ask",
    "ask_any",
    "find",
    "others",
    "parse",
    "understood",
]

#: Seconds for one peer to answer.
TIMEOUT = 2.0

REFUSED = "connection refused"
NOBODY = "is it started? the first master is started with 'arpanet master start --peers boot'"


def address(peer: str, own: Own) -> str:
    """Return the URL of what ``--peers`` names: ``host``, ``host:port`` or a URL.

    Masters of one cluster all speak TLS or none does: this host's way is theirs.

    :raises UsageError: it is none of these.
    """
    try:
        host, port = hostport.split(re.sub(r"^https?://|/$", "", peer))
    except ValueError:
        problem = f"--peers: {peer!r} is no ip:port"
        raise UsageError(problem, "for example 192.168.8.120:7001") from None
    return own.url(host, port or own.peer_port)


def agreed(endpoints: Sequence[str]) -> Cluster:
    """Return the cluster as a majority knows it now.

    etcd answers a list of members from the memory of the member that is asked, which may be behind
    (only 3.5 and newer can be told otherwise). A read of a key waits until that member has caught
    up; so both are asked of the same one.

    :param endpoints: client URLs.
    :raises RegistryUnreachable: none of them is in a majority.
    """
    problems = []
    for one in endpoints:
        gateway = Gateway([one])
        try:
            gateway.catch_up()
            found = Cluster(*gateway.membership())
        except RegistryError as problem:
            problems.append(problem.message)
        else:
            return found
        finally:
            gateway.close()
    raise RegistryUnreachable("; ".join(problems) or "no master is known")


def others(peers: Sequence[str], own: Own) -> list[str]:
    """Return the URLs of *peers* without this host's own, each once."""
    urls = dict.fromkeys(address(peer, own) for peer in peers)
    return [one for one in urls if one != own.peer_url]


def ask(peer_url: str, timeout: float = TIMEOUT) -> Cluster:
    """Ask the member at *peer_url* for its cluster.

    :raises RegistryUnreachable: nobody answers there.
    :raises RegistryError: what answers is no etcd peer.
    """
    try:
        answer = connections.once("GET", f"{peer_url}/members", timeout=timeout)
    except (HTTPError, OSError) as problem:
        if fault := connections.tls_fault(problem):
            raise RegistryError(
                f"what answers at {peer_url} is no peer of this host: {fault}"
            ) from None
        raise RegistryUnreachable(
            f"peer {peer_url} does not answer: {_reason(problem)}", NOBODY
        ) from None
    return understood(peer_url, answer.headers.get("X-Etcd-Cluster-Id", ""), answer.data)


def understood(peer_url: str, cluster_id: str, answer: bytes) -> Cluster:
    """Return the cluster that an answer to ``GET /members`` tells of.

    :raises RegistryUnreachable: the member has begun, and not read its own data yet: it knows the
        cluster and no member of it.
    :raises RegistryError: no etcd peer answers so.
    """
    try:
        members = codec.parse(answer)
        if members == [] and cluster_id:
            raise RegistryUnreachable(f"peer {peer_url} is starting", "try again in a moment")
        return parse(cluster_id, members)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RegistryError(
            f"what answers at {peer_url} is no etcd peer",
            "give a master's peer port (ETCD_PEERPORT, 7001), not its client port",
        ) from None


def ask_any(peer_urls: Sequence[str], timeout: float = TIMEOUT) -> Cluster:
    """Ask one after the other.

    :raises RegistryUnreachable: none answers; the message names each.
    :raises RegistryError: none is an etcd peer.
    """
    problems: list[RegistryError] = []
    for peer in peer_urls:
        try:
            return ask(peer, timeout)
        except RegistryError as problem:
            problems.append(problem)
    strange = [one for one in problems if not isinstance(one, RegistryUnreachable)]
    if strange or len(problems) == 1:
        raise (strange or problems)[0]
    raise RegistryUnreachable("; ".join(problem.message for problem in problems), NOBODY)


def find(peer_url: str, timeout: float = TIMEOUT) -> Cluster | None:
    """Return the cluster at *peer_url*, ``None``: its host lives, and nothing listens there.

    :raises RegistryUnreachable: silence, which says nothing.
    :raises RegistryError: what answers is no etcd peer.
    """
    try:
        return ask(peer_url, timeout)
    except RegistryUnreachable as problem:
        if REFUSED in problem.message:
            return None
        raise


def answers(peer_url: str, timeout: float = TIMEOUT) -> bool:
    """Return whether an etcd member answers at *peer_url*."""
    try:
        ask(peer_url, timeout)
    except RegistryError:
        return False
    return True


def parse(cluster_id: str, members: Any) -> Cluster:
    """Turn the answer of ``GET /members`` into a cluster.

    :raises ValueError, KeyError, TypeError: it is not one.
    """
    if not members or not isinstance(members, list):
        raise ValueError("no members")
    return Cluster(
        f"{int(cluster_id, 16):x}",
        tuple(
            Member(
                one.get("name", ""),
                f"{int(one['id']):x}",
                tuple(one["peerURLs"]),
                tuple(one.get("clientURLs") or ()),
                bool(one.get("isLearner", False)),
            )
            for one in members
        ),
    )


def _reason(problem: Exception) -> str:
    text = str(getattr(problem, "reason", "") or problem)
    if "refused" in text:
        return REFUSED
    if "timed out" in text:
        return "timed out"
    return text.rsplit(": ", 1)[-1].strip("()'\" ")
