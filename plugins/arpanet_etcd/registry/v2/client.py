"""python-etcd, tamed: every master is an endpoint, nothing is sent twice, keys are escaped.

python-etcd's own failover is left alone: it asks for the members when it is constructed, and counts
its time limit four times on a member that hangs.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import etcd
import urllib3

from arpanet import RegistryError, codec
from arpanet_etcd.client.connections import Connections
from arpanet_etcd.client.endpoints import Endpoints
from arpanet_etcd.client.identity import Identity, OtherCluster
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

    def __init__(self, endpoints: Sequence[str], timeout: float = 2.0, seed: str = "") -> None:
        self.known = Endpoints(endpoints, seed)
        self.identity = Identity(endpoints)
        # with urllib3's default a write whose answer is lost is sent again, without a word
        self._connections = Connections(timeout)
        self._clients = {one: _client(one, timeout) for one in endpoints}

    def call(self, verb: str, key: str, *, retry: bool = True, **arguments: Any) -> Any:
        """Return what python-etcd's *verb* says of *key* at the first endpoint that answers.

        :param verb: ``read``, ``write``, ``refresh`` or ``delete``, with their *arguments*.
        :param retry: whether a request without an answer may be sent to the next endpoint.
        :raises etcd.EtcdException: one of :data:`EXPECTED`.
        :raises RegistryError: etcd said no in another way.
        :raises Unanswered: with *retry* false: sent, not answered, maybe applied.
        :raises RegistryUnreachable: no endpoint answers.
        """
        failed: dict[str, Exception] = {}
        for endpoint in self._candidates(failed):
            try:
                answer = self._ask(endpoint, verb, key, arguments)
            except EXPECTED:
                self.known.good(endpoint)
                raise
            except (OtherCluster, etcd.EtcdClusterIdChanged) as problem:
                failed[endpoint] = problem
            except etcd.EtcdConnectionFailed as problem:
                failed[endpoint] = problem.cause or problem
                unsent = isinstance(problem.cause, urllib3.exceptions.ConnectTimeoutError)
                if not (retry or unsent):
                    self._bad(endpoint, failed[endpoint])
                    said = reason(endpoint, failed[endpoint])
                    raise Unanswered(f"no answer from {said}") from problem
            except etcd.EtcdException as problem:
                if not (_no_quorum(problem) or _strange(problem)):
                    raise RegistryError(f"etcd says: {problem}") from problem
                failed[endpoint] = problem
                if not retry and not _strange(problem):
                    self._bad(endpoint, problem)
                    raise Unanswered(f"no answer from {endpoint} ({problem})") from problem
            else:
                self.known.good(endpoint)
                return answer
            self._bad(endpoint, failed[endpoint])
        raise _nobody(failed)

    def _ask(self, endpoint: str, verb: str, key: str, arguments: dict[str, Any]) -> Any:
        client = self._clients[endpoint]
        client.http = self._connections.pool(endpoint)
        try:
            # it escapes nothing, and etcd unescapes
            answer = getattr(client, verb)(key.replace("%", "%25"), **arguments)
        except EXPECTED:
            self._saw(endpoint, client)
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as problem:
            # python-etcd trusts what it is sent
            raise etcd.EtcdException(f"not what etcd answers: {problem!r}") from problem
        self._saw(endpoint, client)
        return answer

    def _saw(self, endpoint: str, client: etcd.Client) -> None:
        if client.expected_cluster_id:
            self.identity.saw(endpoint, str(int(client.expected_cluster_id, 16)))

    def _candidates(self, failed: dict[str, Exception]) -> Iterator[str]:
        """Yield the endpoints; once more if all that answer are of a cluster formed anew."""
        yield from self.known.order()
        if self.identity.adopt(self.known.all):
            failed.clear()
            yield from self.known.order()

    def _bad(self, endpoint: str, problem: Exception) -> None:
        self.known.bad(endpoint, str(problem))
        if not isinstance(problem, OtherCluster):
            self.identity.doubt(endpoint)

    def close(self) -> None:
        """Let go of idle connections."""
        self._connections.clear()


class _Client(etcd.Client):  # type: ignore[misc]  # it has no types
    """Reads no answer that is nested more deeply than its parser bears."""

    def _handle_server_response(self, response: Any) -> Any:
        codec.refuse_deep(response.data)
        return super()._handle_server_response(response)


def _client(endpoint: str, timeout: float) -> etcd.Client:
    url = urlsplit(endpoint)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return _Client(host=host, port=url.port, protocol=url.scheme, read_timeout=timeout)


def _no_quorum(problem: etcd.EtcdException) -> bool:
    payload = problem.payload if isinstance(problem.payload, dict) else {}
    return payload.get("errorCode") in (300, 301) or payload.get("status", 0) >= 500


def _strange(problem: etcd.EtcdException) -> bool:
    """Whether that is no answer of etcd's v2."""
    return not (isinstance(problem.payload, dict) and "errorCode" in problem.payload)


def _nobody(failed: dict[str, Exception]) -> RegistryError:
    strange = [one for one in failed.values() if isinstance(one, etcd.EtcdException)]
    if failed and len(strange) == len(failed) and all(map(_strange, strange)):
        hint = "v2 needs etcd up to 3.5, started with --enable-v2"
        return RegistryError(f"no etcd answers v2: {strange[0]}", hint)
    return unreachable([reason(one, problem) for one, problem in failed.items()])
