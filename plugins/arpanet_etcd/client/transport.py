"""Requests to etcd's v3 JSON gateway: every master is an endpoint, with failover."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from arpanet import RegistryError, RegistryUnreachable, codec
from arpanet_etcd.client import login, stream, wire
from arpanet_etcd.client.backoff import Backoff
from arpanet_etcd.client.connections import ENDS, Connections, tls_fault
from arpanet_etcd.client.endpoints import Endpoints
from arpanet_etcd.client.identity import Identity, OtherCluster
from arpanet_etcd.client.watch import PULSE, Watch
from arpanet_etcd.client.wire import EtcdError, Json, NotEtcd, Unanswered

__all__ = ["Transport", "reason", "unreachable"]

log = logging.getLogger(__name__)

#: What etcd answers without a header, by which its other answers are known.
HEADERLESS = ("maintenance/alarm", "maintenance/defragment")
#: What a watch is ended with by a member that doesn't know its token (any more).
REFUSED = ("permission denied", "invalid auth token", "user name is empty")
#: How often a request that was refused for its token, or since users were changed meanwhile, is
#: sent once more: when many hosts are let in at once, there is a change every few milliseconds.
REPEATS = 12


#: What may be behind a connection that is ended without a word.
PLAIN = "is ARPANET_TLS off there, too?"


class Unfit(RegistryUnreachable):
    """An endpoint is not to be asked now; nothing that counts was sent to it."""


class Transport:
    """The endpoints of one cluster. Thread-safe; does no I/O until it is asked something.

    :param endpoints: base URLs, ``http://ip:4001``.
    :param timeout: seconds that one endpoint has to answer.
    :param seed: the order in which this host asks the endpoints; ``""``: as given.
    :param pinned: speak with one cluster only: each endpoint proves that it is of it before it is
        asked anything. Which one: see :class:`~arpanet_etcd.client.identity.Identity`.
    :param named: whether who asks for this host's password is told it; the cluster's own etcd is.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        timeout: float = 2.0,
        seed: str = "",
        pinned: bool = False,
        named: bool = True,
    ) -> None:
        self.known = Endpoints(endpoints, seed)
        self.identity = Identity(endpoints) if pinned else None
        self.timeout = timeout
        self._connections = Connections()
        self._login = login.shared() if named else login.Nameless()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All that are known."""
        return self.known.all

    def close(self) -> None:
        """Let go of idle connections."""
        self._connections.clear()

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

        def ask(endpoint: str) -> Json:
            answer = self.post(endpoint, path, body, timeout or self.timeout)
            if self.identity and path not in HEADERLESS:
                self.identity.saw(endpoint, wire.position(answer).cluster)
            return answer

        found: Json = self._anywhere(ask, retry)
        return found

    def _anywhere(self, ask: Callable[[str], Any], retry: bool = True) -> Any:
        """Return what *ask* returns of the first endpoint that is of the cluster and answers."""
        failed: dict[str, Exception] = {}
        for endpoint in self._candidates(failed):
            try:
                with self._judged(endpoint):
                    self._prove(endpoint)
                    return ask(endpoint)
            except (
                Unfit,
                NewConnectionError,
                ConnectTimeoutError,
                NotEtcd,
                OtherCluster,
            ) as problem:
                failed[endpoint] = problem
            except HTTPError as problem:
                failed[endpoint] = problem
                if not retry:
                    raise Unanswered(f"no answer from {reason(endpoint, problem)}") from problem
            except EtcdError as problem:
                if not problem.temporary or not retry:
                    raise
                failed[endpoint] = problem
        raise _nobody(failed)

    def _candidates(self, failed: dict[str, Exception]) -> Iterator[str]:
        """Yield the endpoints; once more if all that answer are of a cluster formed anew."""
        if self.identity and not self.identity.cluster:
            self._elect(self.identity)
        yield from self.known.order()
        if self.identity and self.identity.adopt(self.known.all):
            log.warning("the masters are of another cluster now: %x", int(self.identity.cluster))
            failed.clear()
            yield from self.known.order()

    @contextmanager
    def _judged(self, endpoint: str) -> Iterator[None]:
        """Remember how *endpoint* did."""
        try:
            yield
        except (HTTPError, RegistryError) as problem:
            self.doubt_token(problem)
            said = isinstance(problem, EtcdError) and not problem.temporary
            if isinstance(problem, NotEtcd) or not said:
                self.known.bad(endpoint, _why(endpoint, problem))
                if self.identity and not isinstance(problem, OtherCluster):
                    self.identity.doubt(endpoint)
            raise
        else:
            self.known.good(endpoint)

    def doubt_token(self, problem: Exception) -> None:
        """Say no token any more with which a member has not answered in time.

        It carries the moment of its making, which etcd waits for: where a store was wiped or
        restored since, that is far ahead.
        """
        if isinstance(problem, ReadTimeoutError):
            self._login.forget()

    def _prove(self, endpoint: str) -> None:
        if self.identity is None or self.identity.proved(endpoint):
            return
        try:
            cluster = self.ask(endpoint)
        except HTTPError as problem:
            raise Unfit(_why(endpoint, problem)) from problem
        self.identity.saw(endpoint, cluster)

    def ask(self, endpoint: str) -> str:
        """Ask one endpoint whether it serves, which is cheap; return the id of its cluster.

        It is asked for the members, which it knows by itself: its status etcd tells, from 3.5.28
        on, nobody but masters.

        :raises HTTPError: it does not answer.
        :raises RegistryError: it is no etcd, or one that only learns yet.
        """
        said = self.post(endpoint, "cluster/member/list", {}, self.timeout)
        me = wire.header(said).get("member_id")
        if any(one.get("isLearner") and one.get("ID") == me for one in said.get("members", ())):
            raise Unfit("is a learner, which does not serve yet")
        return wire.position(said).cluster

    def _elect(self, identity: Identity) -> None:
        """Ask all configured endpoints at once, until most of them agree."""
        configured = self.known.configured
        if len(configured) < 2:
            return
        pool = ThreadPoolExecutor(max_workers=min(8, len(configured)))
        asked = {pool.submit(self.ask, url): url for url in configured}
        votes: dict[str, str] = {}
        for done in as_completed(asked):
            if done.exception() is None:
                votes[asked[done]] = done.result()
            if any(2 * list(votes.values()).count(v) > len(configured) for v in votes.values()):
                break
        pool.shutdown(wait=False, cancel_futures=True)
        identity.elect([(url, votes[url]) for url in configured if url in votes])

    def survey(self) -> dict[str, str]:
        """Ask every endpoint now; return URL -> what is wrong with it, for those that don't do."""
        found: dict[str, str] = {}
        with ThreadPoolExecutor(max_workers=8) as pool:
            asked = [(url, pool.submit(self.ask, url)) for url in self.endpoints]
        votes = [(url, done.result()) for url, done in asked if done.exception() is None]
        identity = self.identity or Identity(self.known.configured)
        identity.elect(votes)
        for url, done in asked:
            try:
                identity.saw(url, done.result())
            except (HTTPError, RegistryError) as problem:
                found[url] = _why(url, problem)
        return found

    def post(self, endpoint: str, path: str, body: Json, timeout: float) -> Json:
        """POST to one endpoint, without failover; see :meth:`call`."""
        pause = Backoff(0.005, 0.1)
        for attempt in range(REPEATS):
            if attempt > 1:
                time.sleep(pause.next())
            token = self._login.token
            try:
                return self._post(endpoint, path, body, timeout, self._login.headers)
            except EtcdError as problem:
                if not self._login.helps(problem, token, self._asks_for_token(endpoint)):
                    raise
        return self._post(endpoint, path, body, timeout, self._login.headers)

    def _asks_for_token(self, endpoint: str) -> Callable[[Json], Json]:
        # with a token that is no good any more, etcd would refuse even this
        return lambda body: self._post(endpoint, "auth/authenticate", body, self.timeout, {})

    def _post(
        self, endpoint: str, path: str, body: Json, timeout: float, headers: Mapping[str, str]
    ) -> Json:
        response = self._connections.request(
            "POST",
            f"{endpoint}/v3/{path}",
            body=json.dumps(body).encode(),
            headers=headers,
            timeout=timeout,
        )
        if response.status != 200:
            raise wire.failure(response.status, response.data)
        try:
            answer: Json = codec.parse(response.data)
            if isinstance(answer.get("error"), dict):  # a stream's error comes with status 200
                raise wire.failure(200, response.data)
            if path not in HEADERLESS:
                wire.position(answer)
        except (ValueError, AttributeError):
            raise wire.not_etcd(200, response.data) from None
        return answer

    def stream(self, endpoint: str, path: str, timeout: float) -> Iterator[Json]:
        """Yield the results that one endpoint streams, without failover and without a new token.

        :param timeout: seconds for each piece.
        :raises RegistryUnreachable: it does not answer, or not to the end.
        """
        try:
            response = self._connections.request(
                "POST",
                f"{endpoint}/v3/{path}",
                body=b"{}",
                headers=self._login.headers,
                timeout=timeout,
                preload_content=False,
            )
            if response.status != 200:
                raise wire.failure(response.status, response.data)
        except HTTPError as problem:
            raise unreachable([reason(endpoint, problem)]) from problem
        return stream.results(response)

    def watch(
        self, key: str, range_end: str, start_revision: int, *, pulse: float = PULSE
    ) -> Watch:
        """Watch the keys from *key* up to *range_end* (``""``: just the one).

        :param pulse: seconds without a word after which the member is asked whether it serves.
        :raises Compacted: while iterating: the history from *start_revision* is gone.
        :raises RegistryUnreachable: no endpoint answers.
        """
        create: Json = {"key": wire.encode(key), "progress_notify": True}
        if range_end:
            create["range_end"] = wire.encode(range_end)
        create["start_revision"] = str(start_revision)

        def ask(endpoint: str) -> Watch:
            if self._login.lost:  # a watch is refused only once it runs: too late for a new token
                self.post(endpoint, "kv/range", {"key": create["key"], "limit": "1"}, self.timeout)
            response = self._connections.request(
                "POST",
                f"{endpoint}/v3/watch",
                body=json.dumps({"create_request": create}).encode(),
                # a member without a leader would stay silent for ever
                headers={"Grpc-Metadata-hasleader": "true", **self._login.headers},
                timeout=self.timeout,
                preload_content=False,
            )
            if response.status != 200:
                raise wire.failure(response.status, response.data)
            return Watch(response, lambda: self._pulse(endpoint), self._blame(endpoint), pulse)

        found: Watch = self._anywhere(ask)
        return found

    def _pulse(self, endpoint: str) -> None:
        try:
            cluster = self.ask(endpoint)
        except HTTPError as problem:
            raise RegistryUnreachable(reason(endpoint, problem)) from problem
        if self.identity:
            self.identity.saw(endpoint, cluster)

    def _blame(self, endpoint: str) -> Callable[[str], None]:
        def blame(why: str) -> None:
            if any(one in why for one in REFUSED):
                self._login.forget()
            self.known.bad(endpoint, why)
            if self.identity:
                self.identity.doubt(endpoint)

        return blame


def _netloc(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


def _why(endpoint: str, problem: Any) -> str:
    """Return why an endpoint did not serve, in a word or two."""
    if isinstance(problem, RegistryError):
        return problem.message.removeprefix("etcd says: ")
    # a refused connection is a kind of ConnectTimeoutError to urllib3
    timeouts = isinstance(problem, ConnectTimeoutError | ReadTimeoutError)
    if timeouts and not isinstance(problem, NewConnectionError):
        return "timed out"
    if fault := tls_fault(problem):
        return fault
    if isinstance(problem, ProtocolError):
        return ENDS if endpoint.startswith("https:") else f"ends the connection; {PLAIN}"
    cause = problem.__cause__ or problem
    said = getattr(cause, "strerror", None) or type(cause).__name__
    return str(said.lower() if said[1:].islower() else said)


def reason(endpoint: str, problem: Any) -> str:
    """Return *endpoint* and why it did not answer, in a word or two."""
    return f"{_netloc(endpoint)} ({_why(endpoint, problem)})"


def _nobody(failed: dict[str, Exception]) -> RegistryError:
    if failed and all(isinstance(one, NotEtcd) for one in failed.values()):
        said = next(iter(failed.values()))
        assert isinstance(said, NotEtcd)  # noqa: S101 -- for the type checker
        where = ", ".join(map(_netloc, failed))
        return NotEtcd(f"{where}: {said.message}", said.code, said.hint)
    return unreachable([reason(url, problem) for url, problem in failed.items()])


def unreachable(reasons: Sequence[str]) -> RegistryUnreachable:
    """Return the error for all endpoints having failed."""
    return RegistryUnreachable(
        f"no master answers: {', '.join(reasons) or 'none is known'}",
        "are they running, and is ARPANET_MASTERS right?",
    )
