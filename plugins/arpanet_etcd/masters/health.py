"""Is a member well: what its client port and the others' peer ports say."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from arpanet import Member, Progress, RegistryError, RegistryUnreachable
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.masters import peers
from arpanet_etcd.masters.plan import Own

__all__ = ["PATIENCE", "down", "healthy", "serves", "wait", "well"]

#: Seconds for a member to be in a majority.
PATIENCE = 60.0


def healthy(client_url: str, timeout: float = 2.0) -> bool:
    """Return whether the member at *client_url* votes, answers and is in a majority.

    Reads a key that a majority must agree on, as ``etcdctl endpoint health``. For ``GET /health``
    etcd 3.4 would write a v2 request into its log, on which etcd 3.6 refuses to start.
    """
    with closing(Gateway([client_url], timeout)) as gateway:
        return serves(gateway)


def serves(gateway: Gateway) -> bool:
    """See :func:`healthy`, of the member that *gateway* leads to."""
    try:
        gateway.catch_up()
    except RegistryError:
        return False
    return True


def well(members: Sequence[Member]) -> list[str]:
    """Return the ids of those of *members* that serve clients; asks all at once."""
    with ThreadPoolExecutor(max_workers=max(len(members), 1)) as pool:
        answers = list(pool.map(lambda m: any(map(healthy, m.client_urls)), members))
    return [member.id for member, answer in zip(members, answers, strict=True) if answer]


def down(members: Sequence[Member]) -> list[Member]:
    """Return those of *members* that don't answer on their peer port; asks all at once."""
    with ThreadPoolExecutor(max_workers=max(len(members), 1)) as pool:
        alive = list(pool.map(lambda m: any(map(peers.answers, m.peer_urls)), members))
    return [member for member, answers in zip(members, alive, strict=True) if not answers]


def wait(
    own: Own,
    check: Callable[[], None],
    progress: Progress,
    patience: float = PATIENCE,
) -> None:
    """Wait until this host's member is in a majority.

    :param check: raises ``EngineError`` when it has ended.
    :raises RegistryUnreachable: it runs without a majority, and goes on by itself when it has one.
    """
    deadline = time.monotonic() + patience
    with progress("waiting for a majority of the masters"):
        while not healthy(own.client_url):
            check()
            if time.monotonic() > deadline:
                raise _alone(own)
            time.sleep(0.1)


def _alone(own: Own) -> RegistryUnreachable:
    try:
        members = peers.ask(own.peer_url).members
    except RegistryError as problem:
        return RegistryUnreachable(f"the master was started and does not answer: {problem.message}")
    missing = down(members)
    return RegistryUnreachable(
        f"the master runs, but only {len(members) - len(missing)} of {len(members)} masters answer:"
        f" not {', '.join(m.name or m.peer_urls[0] for m in missing)}",
        "start the others; this one waits for them",
    )
