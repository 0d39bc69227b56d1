"""Keys and values, as they come, made into snapshots. Pure but for the log.

What is deleted was either withdrawn or has vanished. A host that withdraws an instance says so: in
the same step it writes its own record with another number (:attr:`arpanet.Host.listed`): "what is
listed of me now is all that I have". What goes without that has vanished: with a lease that ran out
or was revoked, by hand, with the store. It stays, unconfirmed, until the host writes it again or
says another such number without listing it. Former versions say no numbers: what a living host of
theirs deleted is withdrawn.

An entry that can't be read is left out and logged once: it must not take the others along. One that
its host may not have (:mod:`arpanet_etcd.registry.trust`) is told apart as refused, and has no say
in anything.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from arpanet import Host, Instance, Refusal, Snapshot, codec
from arpanet_etcd.registry.keys import Key, Layout, instance_of_leaf
from arpanet_etcd.registry.lost import Address, Lost, address_of
from arpanet_etcd.registry.table import Table
from arpanet_etcd.registry.trust import ADMITTED, RESERVED, Trust

__all__ = ["Known", "View"]

log = logging.getLogger(__name__)


class Known(NamedTuple):
    """What is to be remembered of a view.

    :ivar listed: host -> the number it said last.
    :ivar entries: host, instance, and for how many seconds it has been gone.
    :ivar trust: host -> what says which addresses it may have.
    :ivar reserved: name -> what says which hosts may offer it.
    """

    listed: Mapping[str, int]
    entries: list[tuple[str, Instance, float]]
    trust: Mapping[str, str] = MappingProxyType({})
    reserved: Mapping[str, str] = MappingProxyType({})


class View:
    """What is known of the keys below one path. Only keys that changed are read again."""

    def __init__(self, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout = layout
        #: key -> the hash of what it holds: with the texts, all would be in memory twice
        self._marks: dict[str, int] = {}
        self._hosts: dict[str, Host] = {}
        self._listed: dict[str, int] = {}
        #: hosts whose record in another history is older than the one that is known
        self._doubted: set[str] = set()
        #: their instances, by key
        self._doubtful: dict[str, Instance] = {}
        #: key -> its record, and instance id -> its keys: nearly always one
        self._records: dict[str, Instance] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._trust = Trust()
        #: where each record that is trusted is dialled, and how many are at an address
        self._claims: dict[str, Address] = {}
        self._taken: dict[Address, int] = {}
        #: instance id -> key -> (service, address)
        self._leaves: dict[str, dict[str, tuple[str, str]]] = {}
        self._lost = Lost(clock)
        self._table = Table()
        self._touched: set[str] = set()

    # -- what comes in ---------------------------------------------------------------------------

    def restore(self, known: Known) -> None:
        """Begin with what an earlier view knew, all of it unconfirmed."""
        self._listed.update(known.listed)
        for name, text in known.trust.items():
            self._trust.apply(Key(ADMITTED, name), text)
        for name, text in known.reserved.items():
            self._trust.apply(Key(RESERVED, name), text)
        self._trust.begin_anew()
        for host, instance, age in known.entries:
            self._lost.add(host, instance, age)
            self._touched.add(instance.id)
        self._show()

    def replace(self, texts: Mapping[str, str], goes_on: bool = True) -> None:
        """Let *texts* be all keys.

        :param goes_on: they are of the same store as those of before, and not older.
        """
        if not goes_on:
            self._begin_anew()
        gone = dict.fromkeys(self._marks.keys() - texts.keys())
        self._apply([*gone.items(), *sorted(texts.items())], goes_on, complete=goes_on)

    def apply(self, changed: Iterable[tuple[str, str | None]]) -> None:
        """Take in what keys hold now, ``None``: nothing; all of it happened at one moment."""
        self._apply(changed, True)

    def _begin_anew(self) -> None:
        """Another store, or this one as it was: nothing is confirmed until it is written there."""
        for one in self._records.values():
            self._lost.add(one.host, one)
        for instance_id in self._leaves.keys() - self._keys.keys():
            if leaf := self._minimal(instance_id):
                self._lost.add("", leaf)
        self._touched |= self._keys.keys() | self._leaves.keys()
        for name in self._hosts:
            self._table.host(name, None)
        for records in (self._records, self._doubtful):
            records.clear()
        self._claims.clear()
        self._taken.clear()
        for index in (self._marks, self._hosts, self._keys, self._leaves):
            index.clear()
        self._trust.begin_anew()

    def _apply(
        self, changed: Iterable[tuple[str, str | None]], goes_on: bool, complete: bool = False
    ) -> None:
        gone: list[tuple[Key, Instance]] = []
        sure: set[str] = set()
        judge = False
        for key, text in changed:
            mark = None if text is None else hash(text)
            if self._marks.get(key) == mark or not (parsed := self._layout.parse(key)):
                continue
            if mark is None:
                del self._marks[key]
            else:
                self._marks[key] = mark
            if parsed.kind == "hosts":
                sure |= self._apply_host(key, parsed.id, text, goes_on)
            elif parsed.kind in (ADMITTED, RESERVED):
                judge |= self._trust.apply(parsed, text)
            elif parsed.kind == "services":
                self._apply_leaf(key, parsed, text)
            else:
                gone += self._apply_record(key, parsed, text)
        for parsed, one in gone:
            self._went(parsed, one)
        for host in sure:
            self._settle(host)
        if self._trust.settle(complete) or judge:
            self._judge_anew()
        self._touched |= self._lost.expire()
        self._show()

    def _apply_host(self, key: str, name: str, text: str | None, goes_on: bool) -> set[str]:
        """Take in a host's record; return its name if it says that what is listed is all."""
        host = self._read_host(key, name, text) if text is not None else None
        self._table.host(name, host)
        if host is None:
            self._hosts.pop(name, None)
            return set()
        self._hosts[name] = host
        known = self._listed.get(name, 0)
        if host.listed < known and (not goes_on or name in self._doubted):
            self._doubted.add(name)
            return set()
        self._listed[name] = host.listed or known
        return {name} if host.listed not in (0, known) else set()

    def _apply_record(self, key: str, parsed: Key, text: str | None) -> list[tuple[Key, Instance]]:
        """Take in an instance's record; return what went with it."""
        self._touched.add(parsed.id)
        gone = self._forget(parsed.id, key)
        one = self._read(key, parsed, text) if text is not None else None
        if one is None:
            return [(parsed, gone)] if gone else []
        if one.host in self._doubted:
            self._doubtful[key] = one
            self._lost.add(one.host, one)
        else:
            self._confirm(key, one)
        return []

    def _apply_leaf(self, key: str, parsed: Key, text: str | None) -> None:
        self._touched.add(parsed.id)
        leaves = self._leaves.setdefault(parsed.id, {})
        if text is None:
            leaves.pop(key, None)
        else:
            leaves[key] = (parsed.service, text)
            self._lost.drop("", parsed.id)
        if not leaves:
            del self._leaves[parsed.id]

    # -- withdrawn, or vanished ------------------------------------------------------------------

    def _went(self, parsed: Key, one: Instance) -> None:
        """Decide what becomes of a record that is not there any more."""
        if any(self._records[key].host == one.host for key in self._keys.get(one.id, ())):
            return  # a former version's key gave way to today's
        if not parsed.host and one.host in self._hosts:
            return
        address = address_of(one)
        if not (address and self._taken.get(address)) and not self._trust.refusal(one):
            self._lost.add(one.host, one)

    def _settle(self, host: str) -> None:
        """Believe *host* that what is listed of it is all that it has."""
        self._doubted.discard(host)
        for instance_id in self._lost.of_host(host):
            self._touched.add(instance_id)
            self._lost.drop(host, instance_id)
        for key in [key for key, one in self._doubtful.items() if one.host == host]:
            self._touched.add(self._doubtful[key].id)
            self._confirm(key, self._doubtful.pop(key))

    def _confirm(self, key: str, one: Instance) -> None:
        self._lost.drop(one.host, one.id)
        self._records[key] = one
        self._keys[one.id] = (*self._keys.get(one.id, ()), key)
        self._claim(key, one)

    def _claim(self, key: str, one: Instance) -> None:
        """Let *one* have its address, if it may: whatever vanished there is gone for good."""
        address = address_of(one)
        if not address or self._trust.refusal(one):
            return
        self._claims[key] = address
        self._taken[address] = self._taken.get(address, 0) + 1
        for host, instance_id in self._lost.at(address):
            self._lost.drop(host, instance_id)
            self._touched.add(instance_id)

    def _unclaim(self, key: str) -> None:
        if address := self._claims.pop(key, None):
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]

    def _forget(self, instance_id: str, key: str) -> Instance | None:
        self._doubtful.pop(key, None)
        self._unclaim(key)
        one = self._records.pop(key, None)
        if one and (others := tuple(each for each in self._keys[instance_id] if each != key)):
            self._keys[instance_id] = others
        elif one:
            del self._keys[instance_id]
        return one

    def _judge_anew(self) -> None:
        """Look at everything once more: hosts are let in, and names reserved, now and then only."""
        for key, one in self._records.items():
            self._unclaim(key)
            self._claim(key, one)
        self._touched |= self._keys.keys() | self._leaves.keys()
        self._touched |= {one.id for _, one, _ in self._lost}

    # -- what comes out --------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return all that could be read; the very one of before if nothing changed."""
        return self._table.snapshot()

    def known(self) -> Known:
        """Return what is to be remembered."""
        entries = [(host, one, age) for host, one, age in self._lost]
        entries += [(one.host, one, 0.0) for one in self._records.values()]
        hosts = {host for host, _, _ in entries} | self._hosts.keys()
        self._listed = {name: self._listed[name] for name in self._listed.keys() & hosts}
        trust, reserved = dict(self._trust.texts), dict(self._trust.names)
        return Known(dict(self._listed), entries, trust, reserved)

    def _show(self) -> None:
        for instance_id in self._touched:
            refused: list[Refusal] = []
            known = self._known_as(instance_id).items()
            found = [self._judge(one, not host, refused) for host, one in known]
            shown = tuple(self._told_apart(instance_id, filter(None, found)))
            self._table.put(instance_id, shown, tuple(refused))
        self._touched.clear()

    def _judge(self, one: Instance, leaf: bool, refused: list[Refusal]) -> Instance | None:
        """Return what may be used of *one*; put down in *refused* what may not.

        :param leaf: somebody wrote its leaves alone, maybe on a host that nobody has to let in.
        """
        why = "" if leaf and not self._trust.knows(one.host) else self._trust.refusal(one)
        if why:
            refused.append(Refusal(one, why))
            return None
        reasons = {name: self._trust.reserved(name, one.host) for name in one.services}
        if not any(reasons.values()):
            return one
        taken = tuple(name for name, why in reasons.items() if why)
        why = "; ".join(reasons[name] for name in taken)
        refused.append(Refusal(replace(one, services=taken), why))
        left = tuple(name for name in one.services if name not in taken)
        return replace(one, services=left) if left else None

    def _known_as(self, instance_id: str) -> Mapping[str, Instance]:
        """Return what is known under one id, by host; ``""``: leaves that nobody owns."""
        # today's keys are longer than a former version's, and win
        records = [self._records[key] for key in sorted(self._keys.get(instance_id, ()), key=len)]
        found = {one.host: one for one in records}
        for host, lost in self._lost.of_id(instance_id).items():
            found.setdefault(host, replace(lost, unconfirmed=True))
        if not found and (one_leaf := self._minimal(instance_id)):
            return {"": one_leaf}
        return found

    def _told_apart(self, instance_id: str, found: Iterable[Instance]) -> Iterator[Instance]:
        """Yield each of *found* with an id that is unique in the cluster.

        Hosts may give one id twice (SERVICE_ID). It stays with the host that it names, else with
        one that lists it, else with the first; the others are told apart by their host.
        """
        order = sorted(
            found,
            key=lambda one: (not instance_id.startswith(f"{one.host}:"), one.unconfirmed, one.host),
        )
        yield from order[:1]
        yield from (replace(one, id=f"{one.host}/{instance_id}") for one in order[1:])

    def _minimal(self, instance_id: str) -> Instance | None:
        """Return what leaves without a readable record tell: somebody else wrote them."""
        leaves = self._leaves.get(instance_id, {}).values()
        if not leaves:
            return None
        services, address = tuple(sorted({name for name, _ in leaves})), min(a for _, a in leaves)
        try:
            return instance_of_leaf(instance_id, services, address)
        except ValueError as problem:
            log.warning("ignoring instance %r of %r: %s", instance_id, services, problem)
            return None

    def _read(self, key: str, parsed: Key, text: str) -> Instance | None:
        try:
            one = codec.decode_instance(parsed.id, text)
            if parsed.host not in ("", one.host):
                raise ValueError(f"says that it is of host {one.host!r}")
        except ValueError as problem:
            log.warning("ignoring %s: %s", key, problem)
            return None
        return one

    def _read_host(self, key: str, name: str, text: str) -> Host | None:
        try:
            return codec.decode_host(name, text)
        except ValueError as problem:
            log.warning("ignoring %s: %s", key, problem)
            return None
