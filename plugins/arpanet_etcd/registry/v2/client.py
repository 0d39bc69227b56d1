"""python-etcd, tamed: every master is an endpoint, nothing is sent twice, keys are escaped.

python-etcd's own failover is left alone: it asks for the members when it is constructed, and counts
its time limit four times on a member that hangs.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import etcd
import urllib3

from arpanet import RegistryError
from arpanet_etcd.client.transport import reason, unreachable
from arpanet_etcd.client.wire import Unanswered

__all__ = ["EXPECTED", "V2Client"]

#: Answers that mean something to the caller.
EXPECTED = (
    etcd.EtcdAlreadyExist,
    etcd.EtcdCompareFailed,
    etcd.EtcdEventIndexCleared,
    etcd.EtcdKeyNotFound,
    etcd.EtcdWatcherCleared,
    etcd.EtcdWatchTimedOut,
)

# it logs every failed request as an error; they are handled, and reported, here
logging.getLogger("etcd.client").setLevel(logging.CRITICAL)


class V2Client:
    """One cluster that answers v2. Thread-safe; does no I/O until it is asked something."""

    def __init__(self, endpoints: Sequence[str], timeout: float = 2.0) -> None:
        self._clients = [(one, _client(one, timeout)) for one in endpoints]
        self._lock = threading.Lock()

    def call(self, verb: str, key: str, *, retry: bool = True, **arguments: Any) -> Any:
        """Return what python-etcd's *verb* says of *key* at the first endpoint that answers.

        :param verb: ``read``, ``write``, ``refresh`` or ``delete``, with their *arguments*.
        :param retry: whether a request without an answer may be sent to the next endpoint.
        :raises etcd.EtcdException: one of :data:`EXPECTED`.
        :raises RegistryError: etcd said no in another way.
        :raises Unanswered: with *retry* false: sent, not answered, maybe applied.
        :raises RegistryUnreachable: no endpoint answers.
        """
        reasons = []
        for one in list(self._clients):
            endpoint, client = one
            try:
                # it escapes nothing, and etcd unescapes
                answer = getattr(client, verb)(key.replace("%", "%25"), **arguments)
            except EXPECTED:
                raise
            except etcd.EtcdConnectionFailed as problem:
                reasons.append(reason(endpoint, problem.cause or problem))
                unsent = isinstance(problem.cause, urllib3.exceptions.ConnectTimeoutError)
                if not (retry or unsent):
                    self._last(one)
                    raise Unanswered(f"no answer from {reasons[-1]}") from problem
            except etcd.EtcdException as problem:
                if not _no_quorum(problem):
                    raise _refused(problem) from problem
                reasons.append(f"{urlsplit(endpoint).netloc} ({problem})")
                if not retry:
                    self._last(one)
                    raise Unanswered(f"no answer from {reasons[-1]}") from problem
            else:
                self._first(one)
                return answer
        raise unreachable(reasons)

    def close(self) -> None:
        """Let go of idle connections."""
        for _, client in self._clients:
            client.http.clear()

    def _first(self, one: Any) -> None:
        with self._lock:
            if self._clients[0] is not one:
                self._clients.sort(key=lambda other: other is not one)

    def _last(self, one: Any) -> None:
        with self._lock:
            self._clients.sort(key=lambda other: other is one)


def _client(endpoint: str, timeout: float) -> etcd.Client:
    url = urlsplit(endpoint)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    client = etcd.Client(host=host, port=url.port, read_timeout=timeout)
    # with urllib3's default a write whose answer is lost is sent again, without a word
    client.http = urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout)
    return client


def _no_quorum(problem: etcd.EtcdException) -> bool:
    payload = problem.payload if isinstance(problem.payload, dict) else {}
    return payload.get("errorCode") in (300, 301) or payload.get("status", 0) >= 500


def _refused(problem: etcd.EtcdException) -> RegistryError:
    """Return the error for an answer that says no."""
    hint = "v2 needs etcd up to 3.5, started with --enable-v2" if "404" in str(problem) else ""
    return RegistryError(f"etcd says: {problem}", hint)
