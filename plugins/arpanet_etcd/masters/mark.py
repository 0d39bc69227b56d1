"""Which cluster this host has belonged to: kept apart from its member's data.

A host without data looks like a new one. What tells that its data was lost is a file beside its
certificate, which also outlives the loss of all that Docker keeps.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from arpanet import ARPANET_IDENTITY, ArpanetError, RegistryError, Settings, codec, replacing
from arpanet_etcd.masters.plan import Cluster, Own

__all__ = ["forget", "known", "let_in", "place", "refuse_anew", "remember"]

#: The cluster's hexadecimal id; where its other masters' peer ports were.
CLUSTER, PEERS = "cluster", "peers"


def place(settings: Settings) -> Path:
    """Return the file."""
    directory: Path = settings[ARPANET_IDENTITY]
    return directory / "cluster"


def remember(settings: Settings, cluster: Cluster, own: Own) -> None:
    """Note that this host is in *cluster*.

    :raises ArpanetError: it can't be written.
    """
    urls = sorted({url for one in cluster.members for url in one.peer_urls} - {own.peer_url})
    noted = {CLUSTER: cluster.id, PEERS: ",".join(url.partition("//")[2] for url in urls)}
    if _read(place(settings)) != noted:
        _write(place(settings), noted)


def let_in(settings: Settings, peer: str) -> None:
    """Note that this host is in the cluster of the master at *peer*, whose number it doesn't know.

    :param peer: ``""``: it doesn't know that, either.
    :raises ArpanetError: it can't be written.
    """
    if _read(place(settings)) is None:
        _write(place(settings), {PEERS: peer})


def _write(file: Path, noted: Mapping[str, str]) -> None:
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with replacing(file) as fresh:
            fresh.write(json.dumps(noted).encode())
    except OSError as problem:
        raise ArpanetError(f"{file} can't be written: {problem.strerror}") from problem


def known(settings: Settings) -> str:
    """Return the number of the cluster that this host is in, ``""``: none."""
    return (_read(place(settings)) or {}).get(CLUSTER, "")


def forget(settings: Settings) -> None:
    """Note that this host is in no cluster.

    :raises ArpanetError: the note can't be removed.
    """
    file = place(settings)
    try:
        file.unlink(missing_ok=True)
    except OSError as problem:
        raise ArpanetError(f"{file} can't be removed: {problem.strerror}") from problem


def refuse_anew(settings: Settings) -> None:
    """Refuse to begin a new cluster where this host was in one: the others may just be down.

    :raises RegistryError: it was.
    """
    file = place(settings)
    if (noted := _read(file)) is None:
        return
    others = noted.get(PEERS) or "<another master>:7001"
    which = f"cluster {noted[CLUSTER]}" if CLUSTER in noted else "a cluster"
    raise RegistryError(
        f"this host is of {which}, and has no master's data of it",
        f"join with --peers {others}; if that cluster is gone for good: rm {file}",
    )


def _read(file: Path) -> Mapping[str, str] | None:
    """Return what the file notes, ``None``: there is none. What can't be read is a note, too."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return {}
    with suppress(ValueError, AttributeError):
        return {str(name): str(value) for name, value in codec.parse(text).items()}
    return {}
