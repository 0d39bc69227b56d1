"""The instances that readers are shown, by id and by service: one change costs what it touches."""

from collections.abc import Mapping
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
        self._names: dict[str, set[str]] = {}
        self._index: dict[str, tuple[Instance, ...]] = {}
        self._touched: set[str] = set()
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
            for name in one.services:
                self._names.get(name, set()).discard(one.id)
                self._touched.add(name)
        for one in shown:
            self._instances[one.id] = one
            for name in one.services:
                self._names.setdefault(name, set()).add(one.id)
                self._touched.add(name)
        if shown:
            self._entries[key] = shown
        else:
            del self._entries[key]

    def snapshot(self) -> Snapshot:
        """Return what is shown now; the very one of before if nothing changed."""
        if self._snapshot is None:
            for name in self._touched:
                ids = sorted(self._names.get(name, ()))
                if found := tuple(self._instances[one] for one in ids if one in self._instances):
                    self._index[name] = found
                else:
                    self._names.pop(name, None)
                    self._index.pop(name, None)
            self._touched.clear()
            index: Mapping[str, tuple[Instance, ...]] = dict(self._index)
            refused = [one for key in sorted(self._refused) for one in self._refused[key]]
            self._snapshot = Snapshot(
                dict(self._instances), dict(self._hosts), index, tuple(refused)
            )
        return self._snapshot
