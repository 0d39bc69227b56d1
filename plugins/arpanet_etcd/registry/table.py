"""The instances that readers are shown, by id and by service: one change costs what it touches."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from arpanet import Host, Instance, Refusal, Snapshot

__all__ = ["Table", "unconfirmed"]


def unconfirmed(snapshot: Snapshot) -> Snapshot:
    """Return *snapshot* without anything in it being confirmed."""
    found = {key: replace(one, unconfirmed=True) for key, one in snapshot.instances.items()}
    return Snapshot(found, snapshot.hosts, refused=snapshot.refused)


class Table:
    """Snapshots of it share every record and every service that did not change in between."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Instance, ...]] = {}
        self._refused: dict[str, tuple[Refusal, ...]] = {}
        self._instances: dict[str, Instance] = {}
        self._index: dict[str, tuple[Instance, ...]] = {}
        #: name -> ids whose place in the index may be another
        self._touched: dict[str, set[str]] = {}
        self._hosts: dict[str, Host] = {}
        self._snapshot: Snapshot | None = Snapshot()

    def host(self, name: str, host: Host | None) -> None:
        """Let *host* be shown under *name*, ``None``: nothing."""
        if self._hosts.get(name) != host:
            self._snapshot = None
        if host:
            self._hosts[name] = host
        else:
            self._hosts.pop(name, None)

    def put(self, key: str, shown: tuple[Instance, ...], refused: tuple[Refusal, ...] = ()) -> None:
        """Let *shown*, each with an id that nothing else has, be all that *key* stands for.

        :param refused: what it stands for and nobody may use.
        """
        if self._refused.get(key, ()) != refused:
            self._snapshot = None
            self._refused[key] = refused
            if not refused:
                del self._refused[key]
        before = self._entries.get(key, ())
        if before == shown:
            return
        self._snapshot = None
        kept = {one.id for one in shown}
        for one in before:
            if one.id not in kept:  # else it keeps its place: snapshots are compared in order
                self._instances.pop(one.id, None)
        for one in shown:
            self._instances[one.id] = one
        for one in (*before, *shown):
            for name in one.services:
                self._touched.setdefault(name, set()).add(one.id)
        if shown:
            self._entries[key] = shown
        else:
            del self._entries[key]

    def snapshot(self) -> Snapshot:
        """Return what is shown now; the very one of before if nothing changed."""
        if self._snapshot is None:
            for name, touched in self._touched.items():
                if found := tuple(self._named(name, touched)):
                    self._index[name] = found
                else:
                    self._index.pop(name, None)
            self._touched.clear()
            index: Mapping[str, tuple[Instance, ...]] = dict(self._index)
            refused = [one for key in sorted(self._refused) for one in self._refused[key]]
            self._snapshot = Snapshot(
                dict(self._instances), dict(self._hosts), index, tuple(refused)
            )
        return self._snapshot

    def _named(self, name: str, touched: set[str]) -> Iterator[Instance]:
        """Yield the instances of a service, by id, of which only those *touched* may be others."""
        ids = touched.union(one.id for one in self._index.get(name, ()))
        for one in map(self._instances.get, sorted(ids)):
            if one and (one.id not in touched or name in one.services):
                yield one
