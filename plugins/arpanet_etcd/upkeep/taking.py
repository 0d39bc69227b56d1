"""A snapshot that says which arpanet it is of."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from arpanet import RegistryError
from arpanet_etcd.client.gateway import Gateway
from arpanet_etcd.upkeep import snapshot
from arpanet_etcd.upkeep.origin import note

__all__ = ["take"]


def take(
    places: Sequence[str],
    key: str,
    ca: tuple[str, ...],
    target: Path,
    tell: Callable[[str], None] = lambda far: None,
) -> int:
    """Have the store say what it is of, and one of the masters write it; return the bytes.

    :param key: where that is said.
    :param ca: see :func:`arpanet_etcd.upkeep.origin.note`.
    :raises RegistryError, ArpanetError: see :func:`arpanet_etcd.upkeep.snapshot.save`.
    """
    gateway = Gateway(places)
    try:
        with suppress(RegistryError):  # a store that takes no changes can be saved all the same
            note(gateway, key, gateway.membership()[0], ca)
    finally:
        gateway.close()
    return snapshot.save(places, target, tell)
