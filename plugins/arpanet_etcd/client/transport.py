"""Requests to etcd's v3 JSON gateway: every master is an endpoint, with failover."""

import json
import logging
import socket
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

from arpanet import RegistryUnreachable
from arpanet_etcd.client import wire
from arpanet_etcd.client.watch import Watch
from arpanet_etcd.client.wire import EtcdError, Json, Unanswered

__all__ = ["Transport", "reason", "unreachable"]

log = logging.getLogger(__name__)

#: A master that lost its power says nothing: let the kernel ask after 5 s, and give up after 11.
KEEPALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class Transport:
    """The endpoints of one cluster. Thread-safe; does no I/O until it is asked something.

    :param endpoints: base URLs, ``http://ip:4001``.
    :param timeout: seconds that one endpoint has to answer.
    """

    def __init__(self, endpoints: Sequence[str], timeout: float = 2.0) -> None:
        self.endpoints = self.configured = tuple(endpoints)
        self.timeout = timeout
        self._preferred = ""
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, socket_options=KEEPALIVE)
        self.lock = threading.Lock()

    def close(self) -> None:
        """Let go of idle connections."""
        self._pool.clear()

    # -- endpoints -------------------------------------------------------------------------------

    def set_endpoints(self, endpoints: Sequence[str]) -> None:
        """Replace the configured endpoints."""
        with self.lock:
            self.endpoints = self.configured = tuple(endpoints)

    def _order(self) -> list[str]:
        """The one that answered last goes first."""
        with self.lock:
            return sorted(self.endpoints, key=lambda url: url != self._preferred)

    def _prefer(self, endpoint: str) -> None:
        with self.lock:
            if self._preferred != endpoint:
                log.debug("using %s", endpoint)
                self._preferred = endpoint

    def _avoid(self, endpoint: str) -> None:
        with self.lock:
            if self._preferred in ("", endpoint) and endpoint in self.endpoints:
                following = self.endpoints.index(endpoint) + 1
                self._preferred = self.endpoints[following % len(self.endpoints)]

    # -- requests --------------------------------------------------------------------------------

    def call(
        self, path: str, body: Json, *, timeout: float | None = None, retry: bool = True
    ) -> Json:
        """POST *body* to ``/v3/<path>`` at the first endpoint that answers.

        :param timeout: seconds for each endpoint, instead of the client's own.
        :param retry: whether a request without an answer may be sent to the next endpoint; one that
            could not be sent at all goes there anyway.
        :raises EtcdError: etcd said no.
        :raises Unanswered: with *retry* false: sent, not answered, maybe applied.
        :raises RegistryUnreachable: no endpoint answers.
        """
        reasons = []
        for endpoint in self._order():
            try:
                answer = self.post(endpoint, path, body, timeout or self.timeout)
            except (NewConnectionError, ConnectTimeoutError) as problem:
                reasons.append(reason(endpoint, problem))
            except HTTPError as problem:
                reasons.append(reason(endpoint, problem))
                if not retry:
                    self._avoid(endpoint)
                    raise Unanswered(f"no answer from {reasons[-1]}") from problem
            except EtcdError as problem:
                if problem.temporary:
                    self._avoid(endpoint)
                if not problem.temporary or not retry:
                    raise
                reasons.append(f"{_netloc(endpoint)} ({problem.message})")
            else:
                self._prefer(endpoint)
                return answer
        raise unreachable(reasons)

    def post(self, endpoint: str, path: str, body: Json, timeout: float) -> Json:
        """POST to one endpoint, without failover; see :meth:`call`."""
        response = self._pool.request(
            "POST", f"{endpoint}/v3/{path}", body=json.dumps(body).encode(), timeout=timeout
        )
        if response.status != 200:
            raise wire.failure(response.status, response.data)
        try:
            answer: Json = json.loads(response.data)
        except ValueError:
            raise wire.failure(502, response.data) from None
        if isinstance(answer.get("error"), dict):  # a stream's error comes with status 200
            raise wire.failure(200, response.data)
        return answer

    def watch(self, key: str, range_end: str, start_revision: int, *, quiet: float = 5.0) -> Watch:
        """Watch the keys from *key* up to *range_end* (``""``: just the one).

        :param quiet: seconds without a word after which the watch raises :class:`watch.Quiet`.
        :raises Compacted: while iterating: the history from *start_revision* is gone.
        :raises RegistryUnreachable: no endpoint answers.
        """
        create: Json = {"key": wire.encode(key), "progress_notify": True}
        if range_end:
            create["range_end"] = wire.encode(range_end)
        create["start_revision"] = str(start_revision)
        reasons = []
        for endpoint in self._order():
            try:
                response = self._pool.request(
                    "POST",
                    f"{endpoint}/v3/watch",
                    body=json.dumps({"create_request": create}).encode(),
                    # a member without a leader would stay silent for ever
                    headers={"Grpc-Metadata-hasleader": "true"},
                    timeout=self.timeout,
                    preload_content=False,
                )
                if response.status == 200:
                    self._prefer(endpoint)
                    return Watch(response, quiet)
                problem = wire.failure(response.status, response.data)
                if not problem.temporary:
                    raise problem
                reasons.append(f"{_netloc(endpoint)} ({problem.message})")
            except HTTPError as lost:
                reasons.append(reason(endpoint, lost))
        raise unreachable(reasons)


def _netloc(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


def reason(endpoint: str, problem: Any) -> str:
    """Return *endpoint* and why it did not answer, in a word or two."""
    # a refused connection is a kind of ConnectTimeoutError to urllib3
    timeouts = isinstance(problem, ConnectTimeoutError | ReadTimeoutError)
    if timeouts and not isinstance(problem, NewConnectionError):
        return f"{_netloc(endpoint)} (timed out)"
    cause = problem.__cause__ or problem
    said = getattr(cause, "strerror", None) or type(cause).__name__
    return f"{_netloc(endpoint)} ({said.lower() if said[1:].islower() else said})"


def unreachable(reasons: Sequence[str]) -> RegistryUnreachable:
    """Return the error for all endpoints having failed."""
    return RegistryUnreachable(
        f"no master answers: {', '.join(reasons) or 'none is known'}",
        "are they running, and is ARPANET_MASTERS right?",
    )
