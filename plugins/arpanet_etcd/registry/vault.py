"""What the cluster keeps beside its instances, in etcd's v3 store: one key for each name.

A version is the revision at which a key was last changed. What must happen only at one version is
one transaction; where that got no answer, what became of it is read, and it is tried again only
where nothing has changed: then at most one of the two is applied, whenever they arrive.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from arpanet import ABSENT, HOSTNAME, Entry, RegistryError, Settings, SettingsError, Vault
from arpanet_etcd.client import wire
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.client.wire import EtcdError, Json, Unanswered, Value
from arpanet_etcd.registry.hearing import VaultHearing
from arpanet_etcd.registry.keys import Layout
from arpanet_etcd.settings import ARPANET_ETCD_API, where

__all__ = ["V3Vault", "make_vault", "open_vault", "where_v3"]

#: How often what got no answer, or was changed by others meanwhile, is tried.
ATTEMPTS = 5


class V3Vault:
    """See :class:`arpanet.vault.Vault`. Does no I/O until it is asked something.

    Of two that write the same text at one version, and get no answer, both may be told that they
    did: where that matters, write what tells you apart.
    """

    def __init__(self, gateway: Gateway, layout: Layout) -> None:
        self._gateway, self._layout = gateway, layout

    def read(self, name: str) -> Entry | None:
        """Return what is kept under *name* now."""
        with _may("read", name):
            found = self._gateway.get(self._layout.kept(name))
        return Entry(found.value, found.mod_revision) if found else None

    def list(self, prefix: str) -> Mapping[str, Entry]:
        """Return all whose names begin with *prefix*."""
        found: dict[str, Entry] = {}
        with _may("read", prefix):
            for begin in self._layout.kept_below(prefix):
                for key, value in self._gateway.range(begin).kvs.items():
                    name = self._layout.kept_name(key)
                    found[name] = Entry(value.value, value.mod_revision)
        return {name: found[name] for name in sorted(found)}

    def write(self, name: str, value: str, version: int | None = None, ttl: int | None = 0) -> bool:
        """Keep *value* under *name*; etcd lets nothing go sooner than some 2 seconds."""
        key = self._layout.kept(name)
        with _may("change", name):
            lease = self._gateway.grant(ttl) if ttl else wire.SAME if ttl is None else 0
            if version is None:
                self._gateway.put(key, value, lease)
                return True
            done = self._swap(
                key,
                version,
                wire.put_op(key, value, lease),
                lambda now: (
                    now is not None and now.value == value and lease in (now.lease, wire.SAME)
                ),
            )
            if ttl and not done:
                self._gateway.revoke(lease)
            return done

    def delete(self, name: str, version: int | None = None) -> bool:
        """Keep nothing under *name*."""
        key = self._layout.kept(name)
        with _may("change", name):
            for _ in range(ATTEMPTS):
                found = self._gateway.get(key)
                if found is None or version not in (None, found.mod_revision):
                    return False
                if self._swap(key, found.mod_revision, wire.delete_op(key), lambda now: not now):
                    return True
        raise RegistryError(f"others keep changing {name}", "try again")

    def follow(self, changed: Callable[[], None]) -> VaultHearing:
        """Have a watch, which only masters may."""
        return VaultHearing(self._gateway, self._layout, changed)

    def _swap(
        self, key: str, version: int, operation: Json, applied: Callable[[Value | None], bool]
    ) -> bool:
        """Do *operation* if *key* is still at *version*; return whether it was done."""
        for attempt in range(ATTEMPTS):
            try:
                done = self._gateway.txn([wire.at_revision(key, version)], [operation]).succeeded
            except Unanswered:
                done = False
            else:
                if done or not attempt:
                    return done
            now = self._gateway.get(key)
            if (now.mod_revision if now else ABSENT) != version:
                return applied(now)
        raise RegistryError("the masters don't say what became of a change", "try again")

    def close(self) -> None:
        """Let go of connections."""
        self._gateway.close()


@contextlib.contextmanager
def _may(verb: str, name: str) -> Iterator[None]:
    """Say whom to ask where etcd's own authentication refuses."""
    try:
        yield
    except EtcdError as problem:
        if problem.code != wire.PERMISSION:
            raise
        raise RegistryError(
            f"this host may not {verb} {name}: masters alone may", "run this on a master"
        ) from problem


def make_vault(settings: Settings) -> Vault | None:
    """Return what ``ARPANET_REGISTRY`` keeps things in, ``None`` when it is not etcd's. No I/O.

    :raises SettingsError: see :func:`where_v3`.
    """
    found = where_v3(settings)
    return open_vault(*found, settings[HOSTNAME]) if found else None


def where_v3(settings: Settings) -> tuple[tuple[str, ...], str] | None:
    """Return the endpoints and the path of a registry that etcd's v3 API can be asked for.

    :raises SettingsError: its old API was asked for.
    """
    found = where(settings)
    if found and settings[ARPANET_ETCD_API] == "v2":
        origin = settings.source(ARPANET_ETCD_API).origin
        raise SettingsError(
            f"{origin}: ARPANET_ETCD_API=v2 keeps instances only:"
            " who is let in, and names that are reserved, need etcd's v3 API",
            "ARPANET_ETCD_API=v3, or ARPANET_TLS=off, on all hosts",
        )
    return found


def open_vault(endpoints: Sequence[str], path: str, seed: str = "") -> V3Vault:
    """Return the vault below *path* in the cluster at *endpoints*."""
    return V3Vault(Gateway(endpoints, seed=seed, pinned=True), Layout(path))
