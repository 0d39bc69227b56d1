"""Keys and values, as they come, made into snapshots. Pure but for the log.

An entry that can't be read is left out and logged once: it must not take the others along.
"""

import logging
from collections.abc import Mapping

from arpanet import Host, Instance, Snapshot, codec
from arpanet_etcd.registry.keys import Key, Layout, instance_of_leaf

__all__ = ["View"]

log = logging.getLogger(__name__)


class View:
    """What is known of the keys below one path. Only keys that changed are read again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._texts: dict[str, str] = {}
        self._records: dict[str, Instance] = {}
        self._hosts: dict[str, Host] = {}
        #: instance id -> service name -> address
        self._leaves: dict[str, dict[str, str]] = {}
        #: what the leaves alone tell
        self._minimal: dict[str, Instance] = {}

    def replace(self, texts: Mapping[str, str]) -> None:
        """Let *texts* be all keys."""
        for key in self._texts.keys() - texts.keys():
            self.apply(key, None)
        for key, text in texts.items():
            self.apply(key, text)

    def apply(self, key: str, text: str | None) -> None:
        """Take in that *key* now holds *text*, ``None``: nothing."""
        if self._texts.get(key) == text or not (parsed := self._layout.parse(key)):
            return
        if text is None:
            del self._texts[key]
        else:
            self._texts[key] = text
        if parsed.kind == "services":
            self._apply_leaf(parsed, text)
        else:
            self._apply_record(key, parsed, text)

    def _apply_leaf(self, key: Key, text: str | None) -> None:
        names = self._leaves.setdefault(key.id, {})
        if text is None:
            del names[key.service]
        else:
            names[key.service] = text
        self._minimal.pop(key.id, None)
        if not names:
            del self._leaves[key.id]
            return
        try:
            services, address = tuple(sorted(names)), min(names.values())
            self._minimal[key.id] = instance_of_leaf(key.id, services, address)
        except ValueError as problem:
            log.warning("ignoring service %s, instance %s: %s", key.service, key.id, problem)

    def _apply_record(self, key: str, parsed: Key, text: str | None) -> None:
        records: dict[str, Instance] | dict[str, Host]
        records = self._records if parsed.kind == "instances" else self._hosts
        records.pop(parsed.id, None)
        if text is None:
            return
        try:
            if parsed.kind == "instances":
                self._records[parsed.id] = codec.decode_instance(parsed.id, text)
            else:
                self._hosts[parsed.id] = codec.decode_host(parsed.id, text)
        except ValueError as problem:
            log.warning("ignoring %s: %s", key, problem)

    def snapshot(self) -> Snapshot:
        """Return all that could be read.

        A leaf without a readable record stands for itself: somebody else wrote it.
        """
        return Snapshot({**self._minimal, **self._records}, dict(self._hosts))
