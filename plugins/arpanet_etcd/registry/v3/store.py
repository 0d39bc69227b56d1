"""The registry over etcd's v3 API."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from arpanet import Host, RegistryError, codec
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.position import Position, Witness
from arpanet_etcd.client.watch import Watch
from arpanet_etcd.client.wire import EtcdError, Event, Value
from arpanet_etcd.registry.diff import OPERATIONS, belongings, next_number
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.registry.namesakes import refuse_another
from arpanet_etcd.registry.store import Listing, Step, WentBack
from arpanet_etcd.registry.v3.pulse import V3Pulse
from arpanet_etcd.registry.v3.seat import V3Seat
from arpanet_etcd.registry.v3.writer import V3Writer, living_host

__all__ = ["V3Store", "moments", "newest"]

#: etcd's code of what is asked for a revision that is forgotten, or has not been yet.
_OUT_OF_RANGE = 11


class V3Store:
    """One cluster that speaks v3; see :class:`arpanet_etcd.registry.store.Store`.

    :param seed: this host's name: hosts spread over the masters by it.
    """

    def __init__(self, endpoints: Sequence[str], layout: Layout, seed: str = "") -> None:
        self.gateway = Gateway(endpoints, seed=seed, pinned=True)
        self._layout = layout

    def expect(self, cluster: str) -> None:
        """Speak with the cluster of that id."""
        if self.gateway.identity and not self.gateway.identity.cluster:
            self.gateway.identity.cluster = cluster

    def listing(self) -> Listing:
        """Return all keys that are read, as a majority knows them."""
        self.gateway.known.go_home()
        found = self.gateway.span(*self._layout.span)
        with contextlib.suppress(RegistryError):  # knowing more masters is a bonus
            self.gateway.refresh()
        texts = {key: value.value for key, value in found.kvs.items()}
        last = max(found.kvs.items(), key=lambda one: one[1].mod_revision, default=None)
        witness = Witness(last[0], last[1].value, last[1].mod_revision) if last else None
        return Listing(texts, found.position._replace(witness=witness))

    def changes(self, position: Position) -> "_V3Changes":
        """Watch what happened after *position*.

        :raises WentBack: that moment is not in this store's history.
        """
        if not self.remembers(position):
            raise WentBack(position)
        watch = self.gateway.watch(*self._layout.span, position.revision + 1)
        return _V3Changes(watch, position, f"{self._layout.root}hosts/")

    def remembers(self, position: Position) -> bool:
        """Ask for the newest key of that moment; where that is forgotten, for the key as it is."""
        witness = position.witness
        if witness is None:
            return True
        try:
            found = self.gateway.get_at(witness.key, position.revision)
        except EtcdError as problem:
            if problem.code != _OUT_OF_RANGE:
                raise
            found = self.gateway.get(witness.key)
        return found is not None and (found.value, found.mod_revision) == witness[1:]

    def writer(self, host: Host, ttl: int) -> V3Writer:
        """Return the entries of *host*."""
        return V3Writer(self.gateway, self._layout, host, ttl)

    def seat(self, name: str, ttl: int) -> V3Seat:
        """Return the seat of *name*."""
        return V3Seat(self.gateway, self._layout, name, ttl)

    def check(self, host: Host) -> None:
        """Refuse a second host with the name of a living one."""
        found = self.gateway.get(self._layout.host(host.name))
        refuse_another(host, living_host(host.name, found))

    def withdraw(self, host: str) -> None:
        """Delete the host's entries, saying that there are none; then its record and its lease."""
        key = self._layout.host(host)
        found = self.gateway.get(key)
        records = self.gateway.range(f"{self._layout.root}instances/").kvs
        texts = {one: value.value for one, value in records.items()}
        keys = [*belongings(texts, self._layout, host)]
        lease = found.lease if found else 0
        keys = [one for one in keys if one in records or self._of(one, lease)]
        # with nothing left to delete it is still to be said: what vanished has gone, too
        for start in range(0, max(1, len(keys)), OPERATIONS - 1):
            found = self._withdraw(host, found, keys[start : start + OPERATIONS - 1])
        if lease:
            self.gateway.revoke(lease)
        self.gateway.delete(key)
        told = self._layout.told(host)
        self.gateway.delete(told, wire.prefix_end(told))

    def _of(self, leaf: str, lease: int) -> bool:
        """Whether *leaf* is not another host's."""
        found = self.gateway.get(leaf)
        return found is not None and found.lease in (0, lease)

    def _withdraw(self, host: str, found: Value | None, keys: Sequence[str]) -> Value | None:
        """Delete *keys*, saying so in the host's record, *found*; return what that is now."""
        key, deletes = self._layout.host(host), [wire.delete_op(one) for one in keys]
        record = living_host(host, found)
        if found and record:
            number = next_number(record.listed)
            text = codec.encode(replace(record, listed=number))
            try:
                self.gateway.txn(
                    [wire.held_by(key, found.lease)],
                    [*deletes, wire.put_op(key, text, found.lease)],
                    deletes,
                )
            except EtcdError as problem:
                if not wire.full(problem):
                    raise
            else:
                return found._replace(value=text)
        self.gateway.txn([], deletes)
        return found

    def pulse(self, host: str, agent: str) -> V3Pulse:
        """Return the sign of life of *agent* of *host*."""
        return V3Pulse(self.gateway, self._layout.pulse(host, agent))

    def forget(self, host: str, agent: str) -> None:
        """Delete what it is missed by."""
        self.gateway.delete(self._layout.pulse(host, agent))

    def silences(self) -> Mapping[tuple[str, str], float]:
        """Ask for the age of each agent's lease: it begins it anew, unless it is stuck."""
        root = f"{self._layout.root}told/"
        found = self.gateway.span(root, wire.prefix_end(root), keys_only=True).kvs
        ages = {
            who: self.gateway.lease_age(value.lease)
            for key, value in found.items()
            if value.lease and (who := self._layout.pulsing(key))
        }
        return {who: age for who, age in ages.items() if age is not None}

    def tell(self, host: str, about: str, text: str) -> None:
        """Write the text; it has no lease: others see by the host's record whether it lives.

        What is there already is not written: a read costs the masters less.
        """
        key = self._layout.told(host, about)
        found = self.gateway.get(key)
        if found is None or found.value != text:
            self.gateway.put(key, text)

    def told(self, about: str) -> Mapping[str, str]:
        """Read what all hosts tell."""
        found = self.gateway.range(f"{self._layout.root}told/").kvs
        return self._layout.tellers({key: one.value for key, one in found.items()}, about)

    def close(self) -> None:
        """Let go of connections."""
        self.gateway.close()


class _V3Changes:
    def __init__(self, watch: Watch, position: Position, words: str) -> None:
        self._watch, self._position, self._words = watch, position, words

    def __iter__(self) -> Iterator[Step]:
        created = False
        with self._watch:
            for revision, events in self._watch:
                if not created and not self._position.goes_on(self._watch.position):
                    # another store, or one restored: a watch of its future would stay silent
                    raise WentBack(self._position)
                before = self._position
                if events:
                    witness = newest(self._position.witness, events)
                    self._position = self._position._replace(witness=witness)
                    # the answer's own revision may be ahead: long histories come in parts
                    self._advance(events[-1].revision)
                elif created:
                    self._advance(revision)
                created = True
                *parts, last = moments(events, self._words)
                for part in parts:
                    yield Step(before, _texts(part))
                yield Step(self._position, _texts(last))

    def _advance(self, revision: int) -> None:
        term = max(self._position.term, self._watch.position.term)
        revision = max(self._position.revision, revision)
        self._position = self._position._replace(term=term, revision=revision)

    def close(self) -> None:
        self._watch.close()


def moments(events: Iterable[Event], words: str) -> list[list[Event]]:
    """Divide *events* so that each part may be taken for one moment. Pure.

    What is deleted after a host's word, and came in the same answer, is none that it has withdrawn
    with it.

    :param words: what the keys of hosts' records begin with.
    """
    found: list[list[Event]] = [[]]
    said = 0
    for one in events:
        if said and not one.value and one.revision > said:
            found.append([])
            said = 0
        found[-1].append(one)
        if one.value and one.key.startswith(words):
            said = one.revision
    return found


def _texts(events: Iterable[Event]) -> list[tuple[str, str | None]]:
    return [(one.key, one.value.value if one.value else None) for one in events]


def newest(witness: Witness | None, events: Iterable[Event]) -> Witness | None:
    """Return what was written last after *events*; ``None`` where just that was deleted. Pure."""
    for one in events:
        if one.value:
            witness = Witness(one.key, one.value.value, one.revision)
        elif witness and one.key == witness.key:
            witness = None
    return witness
