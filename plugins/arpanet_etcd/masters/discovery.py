"""Discovery tokens: hosts that don't know each other meet at a key of some other etcd.

arpanet resolves a token itself over v3, with the keys of etcd's own discovery
(``/_etcd/registry/TOKEN/_config/size`` and ``.../members/``), and gives every host the same static
list: etcd's v3 discovery lets a member that lost its data in again, which then panics. A token of
the old v2 service is passed on to an etcd that still knows how to ask it. Where hosts know each
other by certificates, nobody forms a cluster together with strangers: see
:mod:`arpanet_etcd.masters.meeting`.
"""

import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from arpanet import Progress, RegistryError, RegistryUnreachable, UsageError
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import UNIMPLEMENTED, EtcdError, Unanswered, Value
from arpanet_etcd.masters import flags, peers, plan
from arpanet_etcd.masters.flags import Version
from arpanet_etcd.masters.plan import Own

__all__ = ["Token", "begin", "create", "forget", "formation", "listed", "parse", "place", "size"]

#: Seconds to wait for the other hosts of a token.
PATIENCE = 300.0
REGISTRY = "/_etcd/registry"
DEFAULT_PORT = 4001


@dataclass(frozen=True)
class Token:
    """Where hosts meet.

    :ivar endpoint: base URL of the etcd that serves it.
    :ivar path: the key that all of the token's keys begin with.
    :ivar v2_url: the URL as a v2 etcd takes it, ``""`` when it isn't of that form.
    """

    endpoint: str
    path: str
    v2_url: str = ""

    @property
    def id(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def members(self) -> str:
        """What the keys of its members begin with."""
        return f"{self.path}/members/"

    @property
    def begun(self) -> str:
        """What the keys of those members begin with that were started."""
        return f"{self.path}/begun/"


def parse(text: str) -> Token:
    """Take a token's URL apart.

    :raises RegistryError: it belongs to the public service, which is gone.
    :raises UsageError: it is none.
    """
    url = urlsplit(text)
    path = url.path.rstrip("/")
    try:
        port = url.port
    except ValueError:
        port = -1
    if url.hostname == "discovery.etcd.io":
        raise RegistryError(
            "the public token service discovery.etcd.io is gone",
            "make a token on an etcd of your own with 'arpanet master token', or use --peers",
        )
    wellformed = url.scheme in ("etcd", "http", "https") and url.hostname and port != -1
    if not wellformed or not re.fullmatch(r"(?:/[A-Za-z0-9._-]+)+", path):
        raise UsageError(
            f"--token {text} is no token",
            "for example etcd://192.168.8.120:4001/6b2c…, as 'arpanet master token' prints it",
        )
    scheme = "http" if url.scheme == "etcd" else url.scheme
    default = "" if url.scheme == "https" else f":{DEFAULT_PORT}" if url.scheme == "etcd" else ":80"
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    endpoint = f"{scheme}://{host}" + (f":{port}" if port else default)
    if path.startswith("/v2/keys/"):
        return Token(endpoint, path.removeprefix("/v2/keys"), text.rstrip("/"))
    return Token(endpoint, REGISTRY + path if path.count("/") == 1 else path)


def place(endpoint: str) -> Gateway:
    """Return a client of the etcd that keeps a token: any one's, so it is told no password."""
    return Gateway([endpoint], named=False)


def create(endpoints: Sequence[str], size: int) -> str:
    """Make a token for *size* masters on the first of *endpoints* that answers; return its URL.

    :raises RegistryUnreachable: none answers.
    """
    token = secrets.token_hex(16)
    problems: list[RegistryUnreachable] = []
    for endpoint in endpoints:
        try:
            place(endpoint).put(f"{REGISTRY}/{token}/_config/size", str(size))
        except RegistryUnreachable as problem:
            problems.append(problem)
        else:
            return f"etcd://{urlsplit(endpoint).netloc}/{token}"
    raise RegistryUnreachable(
        "; ".join(problem.message for problem in problems) or "no etcd is known",
        "a token is kept on an etcd that runs already: name one with --etcd http://IP:PORT",
    )


def formation(
    token: Token,
    own: Own,
    running: Version,
    progress: Progress,
    patience: float = PATIENCE,
) -> list[str]:
    """Announce this host, wait for the others, and return etcd's flags.

    :raises RegistryError: no such token; enough others were faster; another host has this one's
        name; this host has been a member before, and its data is lost.
    :raises RegistryUnreachable: the token's etcd does not answer, or the others did not come.
    """
    gateway = place(token.endpoint)
    wanted = size(gateway, token)
    if wanted is None:
        return flags.discovery(token.v2_url, running)
    _announce(gateway, token, own, wanted)
    members = _wait(gateway, token, own, wanted, progress, patience)
    _refuse_lost_data(members, own)
    begin(gateway, token, own)
    return flags.initial(members, token.id)


def size(gateway: Gateway, token: Token) -> int | None:
    """Return how many masters the token is for; ``None``: only a v2 etcd knows.

    :raises RegistryError: there is no such token.
    :raises RegistryUnreachable: its etcd does not answer.
    """
    found: Value | None = None
    try:
        found = gateway.get(f"{token.path}/_config/size")
    except EtcdError as problem:
        if problem.code != UNIMPLEMENTED:
            raise
    except RegistryUnreachable as problem:
        raise RegistryUnreachable(
            f"the etcd of the token does not answer: {problem.message.partition(': ')[2]}",
            "is it running, and is the URL right?",
        ) from problem
    if found and found.value.isdigit() and int(found.value) > 0:
        return int(found.value)
    if found is None and token.v2_url and _v2_knows(token.v2_url):
        return None
    raise RegistryError(
        f"{token.endpoint} knows no token {token.id}", "make one with 'arpanet master token'"
    )


def _v2_knows(url: str) -> bool:
    try:
        answer = urllib3.request("GET", f"{url}/_config/size", timeout=5.0, retries=False)
    except (urllib3.exceptions.HTTPError, OSError):
        return False
    return answer.status == 200


def listed(gateway: Gateway, token: Token) -> dict[str, str]:
    """Return name -> peer URL of those who announced themselves, the first first.

    :raises RegistryError: the token's etcd says no, or nothing.
    """
    found = gateway.range(token.members).kvs
    ordered = sorted(found.items(), key=lambda item: item[1].create_revision)
    return {key.removeprefix(token.members): value.value for key, value in ordered}


def _announce(gateway: Gateway, token: Token, own: Own, size: int) -> None:
    """Take a place; change nothing where there is none."""
    known = listed(gateway, token)
    plan.refuse_mixed(known, own)
    key = token.members + own.name
    if own.name not in known:
        if len(known) >= size:
            raise _full(token, known, size)
        put = wire.put_op(key, own.peer_url)
        with suppress(Unanswered):  # whether it was applied shows in the list
            gateway.txn([wire.absent(key)], [put])
        known = listed(gateway, token)
        if own.name not in known:
            raise RegistryUnreachable(f"{token.endpoint} did not take this host's announcement")
        if list(known).index(own.name) >= size:
            gateway.delete(key)
            raise _full(token, dict(list(known.items())[:size]), size)
    if known[own.name] != own.peer_url:
        raise plan.name_taken(own, known[own.name])


def _full(token: Token, members: dict[str, str], size: int) -> RegistryError:
    return RegistryError(
        f"the cluster of token {token.id} is full: {', '.join(list(members)[:size])}",
        f"join it with --peers {urlsplit(next(iter(members.values()))).netloc}",
    )


def _wait(
    gateway: Gateway,
    token: Token,
    own: Own,
    size: int,
    progress: Progress,
    patience: float,
) -> dict[str, str]:
    """Return the first *size* members, once there are as many."""
    deadline = time.monotonic() + patience
    members = listed(gateway, token)
    while len(members) < size:
        if time.monotonic() > deadline:
            raise RegistryUnreachable(
                f"only {len(members)} of {size} masters came within {patience:g} s:"
                f" {', '.join(members) or own.name}",
                "run the same command on the others, then again here",
            )
        with progress(f"{len(members)} of {size} masters are here: {', '.join(members)}"):
            members = _others(gateway, token, members, deadline)
    return dict(list(members.items())[:size])


def _others(
    gateway: Gateway, token: Token, known: dict[str, str], deadline: float
) -> dict[str, str]:
    """Return who is there once that is others than *known*; the same when the time is over."""
    while time.monotonic() < deadline:
        with suppress(RegistryUnreachable):  # it may come back before the time is over
            if (members := listed(gateway, token)) != known:
                return members
        time.sleep(0.3)
    return known


def begin(gateway: Gateway, token: Token, own: Own) -> None:
    """Mark that this host's member is started now: it must never begin a second time.

    The same URLs and token give the same member number, so a host that lost its data would be a
    voter that forgot what it voted for.

    :raises RegistryError: it was started before.
    """
    key, mine = token.begun + own.name, secrets.token_hex(8)
    with suppress(Unanswered):  # whose mark it is shows in its value
        gateway.txn([wire.absent(key)], [wire.put_op(key, mine)])
    begun = gateway.get(key)
    if begun and begun.value == mine:
        return
    raise plan.begun_before(listed(gateway, token), own)


def forget(token: Token, own: Own) -> None:
    """Take back that this host's member was started: it ended at once, and left no data."""
    with suppress(RegistryError):
        place(token.endpoint).delete(token.begun + own.name)


def _refuse_lost_data(members: dict[str, str], own: Own) -> None:
    """A member that has served clients before must not begin anew under its old number."""
    for name, peer_url in members.items():
        if name == own.name:
            continue
        try:
            cluster = peers.ask(peer_url)
        except RegistryError:
            continue
        if any(own.peer_url in m.peer_urls and m.client_urls for m in cluster.members):
            raise RegistryError(
                "this host has been a master of this token's cluster, and its data is lost",
                f"join again with --peers {urlsplit(peer_url).netloc}",
            )
