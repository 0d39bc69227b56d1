"""A host's entries in etcd's v3 store: one lease holds them all.

A transaction that got no answer is never sent again: what became of it is read, and compared anew.
What is withdrawn is deleted in one step with a new number in the host's record; see
:mod:`arpanet_etcd.registry.view`.
"""

import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from arpanet import Host, Instance, RegistryError, codec, duplicate_host
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.position import Position
from arpanet_etcd.client.wire import EtcdError, Value
from arpanet_etcd.registry.diff import OPERATIONS, Change, Entry, batches, changes, next_number
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.namesakes import living

__all__ = ["V3Writer", "living_host"]

log = logging.getLogger(__name__)

#: Seconds between two looks at which keys live with the lease: keys deleted by hand come back.
AUDIT = 30.0
#: How often a write is worked out anew when others change the same keys at the same time.
ATTEMPTS = 5


class V3Writer:
    """See :class:`arpanet_etcd.registry.store.Writer`."""

    def __init__(self, gateway: Gateway, layout: Layout, host: Host, ttl: int) -> None:
        self._gateway, self._layout, self._host, self._ttl = gateway, layout, host, ttl
        self._key = layout.host(host.name)
        self._lease = 0
        #: the host's record lives with the lease, as far as is known
        self._held = False
        #: a later session of this very host has taken the lease over
        self._superseded = False
        #: what the host's record holds, and the greatest number that it was ever seen to say
        self._text, self._number = "", 0
        #: the store holds all that is wanted, and the record says so, as far as is known
        self._settled = False
        #: what the host's keys hold, as last seen; of no use while not *sure*
        self._known: dict[str, Entry] = {}
        self._sure = False
        self._audit_at = 0.0
        self._seen = Position()

    def refresh(self) -> None:
        """One keepalive; a look at the lease's keys now and then."""
        if self._lease and not self._keep_alive():
            log.warning("the lease of this host's entries ran out")
            self._lease, self._held = 0, False
        if not self._held:
            self._acquire()
        if not self._sure or time.monotonic() >= self._audit_at:
            self._audit()
        else:  # what another host held may be free by now
            self._known = {key: entry for key, entry in self._known.items() if entry.mine}

    # -- the lease -------------------------------------------------------------------------------

    def _keep_alive(self) -> bool:
        left, seen = self._gateway.keepalive_at(self._lease)
        if not self._seen.goes_on(seen):
            # a member that lags behind is one thing, a store that is another one the other
            seen = self._gateway.span(self._key, f"{self._key}\0").position
            if not self._seen.goes_on(seen):
                log.warning("etcd went back from %s to %s: written anew", self._seen, seen)
                self._held = self._sure = False
        self._seen = seen
        return left > 0

    def _acquire(self) -> None:
        """Take over the living lease that the host's record has, else put it under a new one."""
        self._sure = self._settled = False
        found = self._gateway.get(self._key)
        other = living_host(self._host.name, found)
        if other and (self._superseded or other.engine != self._host.engine):
            raise duplicate_host(self._host, other)
        lease = (found.lease if found else 0) or self._lease
        # one with another time to live is left to run out: ARPANET_TTL was changed
        adopted = bool(lease) and self._gateway.keepalive(lease) == self._ttl
        if not adopted:
            lease = self._gateway.grant(self._ttl)
        said = other.listed if other and adopted else 0
        text = self._record(said)
        if not (found and (found.value, found.lease) == (text, lease)):
            result = self._gateway.txn(
                [wire.at_revision(self._key, found.mod_revision if found else 0)],
                [wire.put_op(self._key, text, lease)],
            )
            if not result.succeeded:
                raise RegistryError(f"{self._key} was changed by somebody else at the same time")
        self._text, self._number = text, max(self._number, said)
        self._lease, self._held, self._superseded = lease, True, False

    def _record(self, listed: int) -> str:
        return codec.encode(replace(self._host, listed=listed))

    def _audit(self) -> None:
        """Read all keys that live with the lease: whatever became of them, it is put right."""
        self._learn_masters()
        keys = self._gateway.lease_keys(self._lease)
        if keys is None or self._key not in keys:
            raise self._lost("this host's record was deleted")
        before = {key for key, entry in self._known.items() if entry.mine}
        self._known = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), OPERATIONS):
            operations = [wire.range_op(key) for key in ordered[start : start + OPERATIONS]]
            for values in self._gateway.txn([], operations, retry=True).reads:
                self._known.update({key: self._entry(value) for key, value in values.items()})
        if before - self._known.keys():
            self._settled = False
        self._yield()
        self._sure = True
        self._audit_at = time.monotonic() + AUDIT

    def _learn_masters(self) -> None:
        """Know those that no setting names, before the ones that are named are gone."""
        with contextlib.suppress(RegistryError):  # whatever is the matter, what follows says it
            self._gateway.refresh()

    def _yield(self) -> None:
        """Leave the name to a later session of it: two that write would undo each other's work.

        They share an engine's id and a lease: an agent started twice, or hosts that are clones.
        """
        found = self._known.get(self._key)
        if not found or found.value == self._text:
            return
        try:
            other = codec.decode_host(self._host.name, found.value)
        except ValueError as problem:
            raise self._lost(f"this host's record was spoilt: {problem}") from problem
        if other == self._host:  # it says another number: a write of this session had no answer
            self._text, self._number = found.value, max(self._number, other.listed)
            self._settled = False
            return
        self._lease, self._held, self._superseded = 0, False, True
        raise duplicate_host(self._host, other)

    def _entry(self, value: Value) -> Entry:
        mine = value.lease == self._lease
        return Entry(value.value, value.mod_revision, mine, bool(value.lease) and not mine)

    def _lost(self, why: str) -> RegistryError:
        self._sure = self._held = False
        return RegistryError(why, "it is put back")

    # -- writing ---------------------------------------------------------------------------------

    def write(self, wanted: Iterable[Instance]) -> Mapping[str, str]:
        """Write the differences, as few transactions as etcd allows."""
        wanted = list(wanted)
        for _ in range(ATTEMPTS):
            if not self._sure:
                self.refresh()
            todo, refused = changes(wanted, self._known, self._layout, self._host.name)
            self._sure = False  # until every answer is in
            problems: list[EtcdError] = []
            # a list: the batches after one that failed are still good
            done = [self._commit(batch, refused, problems) for batch in batches(todo)]
            self._sure = True
            if problems:
                raise problems[0]
            if all(done) and (self._settled or self._say()):
                return refused
        self._sure = False
        raise RegistryError("others keep changing this host's entries")

    def _commit(
        self, batch: list[Change], refused: dict[str, str], problems: list[EtcdError]
    ) -> bool:
        """Apply *batch*; what etcd refuses of it is found, and refused alone.

        :param problems: takes what is the matter with etcd itself.
        :returns: whether nothing was changed by others meanwhile.
        """
        try:
            return self._apply(batch)
        except EtcdError as problem:
            if problem.code == wire.NOT_FOUND:
                raise self._lost("the lease of this host's entries ran out") from problem
            if problem.temporary:
                raise
            if wire.full(problem):
                problems.append(problem)
                return True
            if len(batch) == 1:
                refused[batch[0].id] = problem.message
                return True
        half = len(batch) // 2
        done = [self._commit(part, refused, problems) for part in (batch[:half], batch[half:])]
        return all(done)

    def _apply(self, batch: list[Change]) -> bool:
        """Apply *batch* if nothing has changed since it was worked out; else learn what has."""
        withdrawal = not any(change.puts for change in batch)
        if withdrawal and self._settled:
            number, text = self._next()
            try:
                done = self._transact(batch, text)
            except EtcdError as problem:
                if not wire.full(problem):
                    raise
            else:
                if done:
                    self._number, self._text = number, text
                return done
        if withdrawal:
            self._settled = False
        return self._transact(batch)

    def _transact(self, batch: list[Change], says: str = "") -> bool:
        """Apply *batch* in one step, with which the host's record becomes *says*."""
        compare = [wire.held_by(self._key, self._lease)]
        guarded, success = [self._key], []
        if says:
            others = self._others(batch)
            room = OPERATIONS - sum(change.operations for change in batch)
            if len(others) > room and self._miss(others):
                return False
            success.append(wire.put_op(self._key, says, self._lease))
            fitting = dict(islice(others.items(), room))
            guarded += fitting
            compare += [wire.at_revision(key, at) for key, at in fitting.items()]
        for change in batch:
            compare += [wire.at_revision(key, at) for key, at in change.expected.items()]
            compare += [wire.held_by(key, self._lease) for key in change.deletes]
            guarded += [*change.puts, *change.deletes]
            success += [wire.put_op(key, text, self._lease) for key, text in change.puts.items()]
            success += [wire.delete_op(key) for key in change.deletes]
        result = self._gateway.txn(compare, success, [wire.range_op(key) for key in guarded])
        if result.succeeded:
            self._applied(batch, result.revision)
        else:
            self._learn(guarded, result.reads)
        return result.succeeded

    def _others(self, batch: Iterable[Change]) -> dict[str, int]:
        """Return key -> revision of the records that *batch* leaves alone.

        One that somebody deleted meanwhile would count as withdrawn by what is said.
        """
        touched = {key for change in batch for key in (*change.puts, *change.deletes)}
        return {
            key: entry.revision
            for key, entry in self._known.items()
            if entry.mine and key not in touched and self._is_record(key)
        }

    def _miss(self, keys: Iterable[str]) -> bool:
        """Look just before for more keys than one transaction compares; whether one is gone."""
        there = self._gateway.lease_keys(self._lease) or frozenset()
        gone = [key for key in keys if key not in there]
        for key in gone:
            del self._known[key]
        self._settled = self._settled and not gone
        return bool(gone)

    def _is_record(self, key: str) -> bool:
        parsed = self._layout.parse(key)
        return parsed is not None and parsed.kind == "instances"

    def _next(self) -> tuple[int, str]:
        """Return the next number to say, and the record that says it."""
        number = next_number(self._number)
        return number, self._record(number)

    def _say(self) -> bool:
        """Say that what is listed is all that this host has; return whether it still was listed."""
        number, text = self._next()
        done = self._transact([], text)
        if done:
            self._number, self._text, self._settled = number, text, True
        return done

    def _applied(self, batch: list[Change], revision: int) -> None:
        self._seen = self._seen._replace(revision=max(revision, self._seen.revision))
        for change in batch:
            for key, text in change.puts.items():
                self._known[key] = Entry(text, revision, True)
            for key in change.deletes:
                self._known.pop(key, None)

    def _learn(self, guarded: list[str], reads: Iterable[Mapping[str, Value]]) -> None:
        for key, values in zip(guarded, reads, strict=True):
            self._known.pop(key, None)
            self._known.update({one: self._entry(value) for one, value in values.items()})
        if not (self._key in self._known and self._known[self._key].mine):
            raise self._lost("this host's record was changed")
        self._settled = False


def living_host(name: str, found: Value | None) -> Host | None:
    """Return the record of a host whose session is alive: etcd deletes a key with its lease."""
    return living(name, found.value, bool(found.lease)) if found else None
