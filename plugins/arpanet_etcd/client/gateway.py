"""A small client of etcd's v3 JSON gateway: keys, transactions, leases and members.

The protocol is documented at https://etcd.io/docs/latest/dev-guide/api_grpc_gateway/.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from arpanet import Member, RegistryError
from arpanet_etcd.client import wire
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.transport import Transport, reason, unreachable
from arpanet_etcd.client.wire import EtcdError, Json, RangeResult, TxnResult, Value

__all__ = ["Gateway"]

#: Seconds for a change of membership: etcd itself gives up after 7.
MEMBER_TIMEOUT = 10.0
#: Keys in one answer: less than 1 MB of usual records, so that each comes within its time limit.
PAGE = 1000


class Gateway(Transport):
    """One cluster, as :class:`~arpanet_etcd.client.transport.Transport` reaches it.

    Every method raises ``EtcdError`` when etcd says no, and ``RegistryUnreachable`` when no
    endpoint answers.
    """

    # -- keys ------------------------------------------------------------------------------------

    def get(self, key: str) -> Value | None:
        """Return what *key* holds now, as a majority knows it."""
        return wire.kvs(self.call("kv/range", {"key": wire.encode(key)})).get(key)

    def catch_up(self) -> None:
        """Wait until the member that answers knows what a majority knows.

        It reads some key for that; whether this host may read it is asked only afterwards.
        """
        try:
            self.get("health")
        except EtcdError as problem:
            if problem.code != wire.PERMISSION:
                raise

    def get_at(self, key: str, revision: int) -> Value | None:
        """Return what *key* held at *revision*.

        :raises EtcdError: code 11: that is forgotten, or has not been yet.
        """
        body = {"key": wire.encode(key), "revision": str(revision)}
        return wire.kvs(self.call("kv/range", body)).get(key)

    def range(self, prefix: str) -> RangeResult:
        """Return all keys that begin with *prefix*, as a majority knows them now."""
        return self.span(prefix, wire.prefix_end(prefix))

    def span(
        self, key: str, range_end: str, page: int = PAGE, *, keys_only: bool = False
    ) -> RangeResult:
        """Return all keys from *key* up to *range_end*, as a majority knew them at one moment.

        :param page: how many are asked for at a time.
        :param keys_only: what they hold is not asked for, and told to be ``""``.
        :raises EtcdError: code 11: the moment was compacted away between two pages.
        """
        end = wire.encode(range_end)
        body: Json = {"range_end": end, "limit": str(page), "keys_only": keys_only}
        found: dict[str, Value] = {}
        while True:
            answer = self.call("kv/range", {**body, "key": wire.encode(key)})
            more = wire.kvs(answer)
            found.update(more)
            if "revision" not in body:
                moment = wire.position(answer)
                body["revision"] = str(moment.revision)
            if not answer.get("more") or not more:
                return RangeResult(found, moment.revision, moment)
            key = next(reversed(more)) + "\0"

    def put(self, key: str, value: str, lease: int = 0) -> int:
        """Let *key* hold *value*; return the store's revision."""
        body = wire.put_op(key, value, lease)["request_put"]
        return int(self.call("kv/put", body)["header"]["revision"])

    def delete(self, key: str, range_end: str = "") -> int:
        """Delete *key*, or all keys from it up to *range_end*; return how many there were."""
        body = {"key": wire.encode(key), "range_end": wire.encode(range_end)}
        return int(self.call("kv/deleterange", body).get("deleted", 0))

    def txn(
        self,
        compare: Sequence[Json],
        success: Sequence[Json],
        failure: Sequence[Json] = (),
        *,
        retry: bool = False,
    ) -> TxnResult:
        """Apply *success* if all of *compare* hold, else *failure*; :mod:`.wire` makes their parts.

        :raises Unanswered: it may have been applied: read, and decide anew.
        """
        body = {"compare": list(compare), "success": list(success), "failure": list(failure)}
        answer = self.call("kv/txn", body, retry=retry)
        reads = (one.get("response_range") for one in answer.get("responses", ()))
        return TxnResult(
            bool(answer.get("succeeded")),
            int(answer["header"]["revision"]),
            tuple(wire.kvs(one) for one in reads if one is not None),
        )

    # -- leases ----------------------------------------------------------------------------------

    def grant(self, ttl: int, lease: int = 0) -> int:
        """Return the id of a new lease of *ttl* seconds.

        :param lease: the id that it is to have, 0: any.
        :raises EtcdError: code 9: there is one of that id.
        """
        return int(self.call("lease/grant", {"TTL": str(ttl), "ID": str(lease)})["ID"])

    def keepalive(self, lease: int) -> int:
        """Begin *lease* anew; return its seconds to live, 0: it is gone."""
        return self.keepalive_at(lease)[0]

    def keepalive_at(self, lease: int) -> tuple[int, Position]:
        """Do so; return also where the store was, as the member that answered knew it."""
        answer = self.call("lease/keepalive", {"ID": str(lease)})
        return int(answer.get("result", {}).get("TTL", 0)), wire.position(answer)

    def lease_age(self, lease: int) -> float | None:
        """Return the seconds since *lease* was last begun anew, ``None``: it is gone."""
        answer = self.call("lease/timetolive", {"ID": str(lease)})
        left = int(answer.get("TTL", -1))
        return None if left < 0 else float(max(0, int(answer.get("grantedTTL", 0)) - left))

    def lease_keys(self, lease: int) -> frozenset[str] | None:
        """Return the keys that live with *lease*, ``None``: it is gone."""
        answer = self.call("lease/timetolive", {"ID": str(lease), "keys": True})
        if int(answer.get("TTL", -1)) < 0:
            return None
        return frozenset(map(wire.decode, answer.get("keys", ())))

    def revoke(self, lease: int) -> None:
        """End *lease*, and all keys that live with it; content when it is gone already."""
        try:
            self.call("lease/revoke", {"ID": str(lease)})
        except EtcdError as problem:
            if problem.code != wire.NOT_FOUND:
                raise

    # -- members ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask for the members, and add their client URLs to the configured endpoints.

        :raises RegistryUnreachable: nobody answers.
        """
        found = [u for m in self.member_list() if not m.learner for u in m.client_urls]
        local = any(_nowhere(url) for url in self.known.configured)
        self.known.learn([url for url in found if local or not _nowhere(url)])

    def member_list(self) -> list[Member]:
        """Return the members, with the hexadecimal ids that etcdctl shows; needs no quorum."""
        return list(self.membership()[1])

    def membership(self) -> tuple[str, tuple[Member, ...]]:
        """Return the cluster's hexadecimal id and its members, both from one answer."""
        answer = self.call("cluster/member/list", {})
        members = tuple(_member(one) for one in answer.get("members", ()))
        return f"{int(answer['header']['cluster_id']):x}", members

    def learner_add(self, peer_urls: Sequence[str]) -> Member:
        """Add a learner that will listen on *peer_urls*.

        :raises EtcdError: code 14: unhealthy, try again; 9: another learner, or the URL is known.
        :raises Unanswered: it may have been added: list, and look.
        """
        body = {"peerURLs": list(peer_urls), "isLearner": True}
        return _member(self._member_call("add", body)["member"])

    def member_promote(self, member_id: str) -> None:
        """Let a learner vote; the leader is asked, who alone knows how far it is.

        Where authentication is on, the leader refuses what another member passes on; and that one
        goes on asking without a pause until its time is over (etcd: PromoteMember in server.go).

        :raises EtcdError: code 9: it has not caught up yet.
        """
        self._prefer_leader()
        self._member_call("promote", {"ID": str(int(member_id, 16))})

    def _prefer_leader(self) -> None:
        """Ask the leader first from now on; whoever answers, where none of the endpoints is its."""
        for endpoint in self.endpoints:
            with suppress(RegistryError):
                said = self.status(endpoint)
                if said.get("leader") == wire.header(said).get("member_id"):
                    self.known.good(endpoint)
                    return

    def member_remove(self, member_id: str) -> None:
        """Remove a member for good."""
        self._member_call("remove", {"ID": str(int(member_id, 16))})

    def _member_call(self, verb: str, body: Json) -> Json:
        return self.call(f"cluster/member/{verb}", body, timeout=MEMBER_TIMEOUT, retry=False)

    def status(self, endpoint: str) -> Json:
        """Return what one member says of itself: version, dbSize, leader, raftTerm, errors.

        :raises RegistryUnreachable: it does not answer.
        """
        try:
            return self.post(endpoint, "maintenance/status", {}, self.timeout)
        except HTTPError as problem:
            self.doubt_token(problem)
            raise unreachable([reason(endpoint, problem)]) from problem

    def metric(self, name: str) -> str:
        """Return the value of one of etcd's own metrics, as text; ``""``: it is not told here.

        Metrics are each member's own. They cost the masters' log nothing, and no token.
        """

        def ask(endpoint: str) -> str:
            url = f"{endpoint}/metrics"
            answer = self._connections.request("GET", url, timeout=self.timeout)
            return answer.data.decode(errors="replace") if answer.status == 200 else ""

        found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", self._anywhere(ask))
        return found[1] if found else ""


def _member(one: Json) -> Member:
    return Member(
        name=one.get("name", ""),
        id=f"{int(one['ID']):x}",
        peer_urls=tuple(one.get("peerURLs", ())),
        client_urls=tuple(one.get("clientURLs", ())),
        learner=bool(one.get("isLearner")),
    )


def _nowhere(url: str) -> bool:
    """Whether *url* is of use on its own host only."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "0.0.0.0", "::", "::1") or host.startswith("127.")
