"""etcd in a container of this host: what it looks like, and whose data its volume holds."""

import tarfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from arpanet import (
    ARPANET_IP,
    ARPANET_TLS,
    HOSTNAME,
    PART_LABEL,
    ContainerSpec,
    Context,
    Engine,
    EngineError,
    NameTaken,
    addresses,
    codec,
    identity,
    once_body,
)
from arpanet_etcd.masters import flags, image, mark, wal
from arpanet_etcd.masters.image import PART, VERSION_LABEL, Image
from arpanet_etcd.masters.plan import DROP_DATA, Own
from arpanet_etcd.masters.wal import Identity
from arpanet_etcd.settings import ARPANET_ETCD_API, ETCD_NAME, ETCD_PEERPORT, ETCD_PORT

__all__ = [
    "MOUNT",
    "VOLUME",
    "EtcdContainer",
    "command",
    "data",
    "first_log",
    "own",
    "preflight",
    "readable",
]

#: The volume outlives every container and every ETCD_NAME: it makes this host that member.
VOLUME = "arpanet_etcd_data"
MOUNT = "/var/lib/etcd"
LOG = f"{flags.DATA}/member/wal"
#: Where to look for the beginning of a log: the first file is there for long.
PEEKS = (f"{LOG}/{0:016x}-{0:016x}.wal", LOG)


def own(context: Context) -> Own:
    """Return this host as a master."""
    values = context.settings
    ports = values[ETCD_PORT], values[ETCD_PEERPORT]
    me = values[HOSTNAME], values[ARPANET_IP]
    return Own(*me, *ports, values[ARPANET_TLS], mark.place(values))


def command(engine: Engine) -> list[str]:
    """Return the command line of this host's etcd container, running or not; empty: none."""
    for one in engine.own(PART):
        found = engine.inspect(one.id)
        if found:
            return list(found["Config"].get("Cmd") or ())
    return []


def data(context: Context) -> Identity | None:
    """Return whose data this host holds; where nothing was ever kept, no image is needed for that.

    :raises EngineError: there is data, and it can't be told whose.
    """
    if context.engine.volume_labels(VOLUME) is None:
        return None
    return EtcdContainer(context, image.provide(context)).data()


def preflight(context: Context) -> None:
    """Refuse what can't work, before anything is changed.

    :raises SettingsError: ARPANET_IP is not this host's.
    :raises NameTaken: somebody else's container has the name.
    :raises EngineError: somebody else listens on a port.
    """
    engine, name, this = context.engine, context.settings[ETCD_NAME], own(context)
    addresses.check_local(this.ip)
    found = engine.inspect(name)
    if found and (found["Config"].get("Labels") or {}).get(PART_LABEL) != PART:
        raise NameTaken(
            f"the name {name} is taken by a container of image {found['Config']['Image']}",
            "rename that one, or set ETCD_NAME in ~/.arpanetrc",
        )
    running = any(one.state == "running" for one in engine.own(PART))
    ours = flags.listens(command(engine)) if running else frozenset()
    for setting, url in ((ETCD_PORT, this.client_url), (ETCD_PEERPORT, this.peer_url)):
        port = context.settings[setting]
        if url not in ours and not addresses.port_free(this.ip, port):
            raise EngineError(
                f"port {port} on {this.ip} is taken by another program",
                f"'ss -ltnp' shows which; stop it, or set {setting.name} in ~/.arpanetrc",
            )


class EtcdContainer:
    """This host's etcd; the :class:`arpanet_etcd.masters.joining.Machine` of everyday life."""

    def __init__(self, context: Context, image: Image) -> None:
        self._engine: Engine = context.engine
        self._own = own(context)
        self._name: str = context.settings[ETCD_NAME]
        self._v2 = context.settings[ARPANET_ETCD_API] == "v2"
        self._image = image
        self._identity = identity.of(context.settings)

    def data(self) -> Identity | None:
        """Return whose data the volume holds, ``None``: none.

        :raises EngineError: there is data, and it can't be told whose.
        """
        return _identity(self._engine, self._image.tag)

    def command(self) -> list[str]:
        """See :func:`command`."""
        return command(self._engine)

    def spec(self, formation: Sequence[str]) -> ContainerSpec:
        """Return what the container must look like."""
        ports = (self._own.client_port, self._own.peer_port)
        names = ("arpanet_etcd", "arpanet_etcd_peer")
        volumes = {VOLUME: MOUNT}
        if self._identity:
            volumes[str(self._identity.host)] = f"{flags.CERTIFICATE}:ro"
        return ContainerSpec(
            part=PART,
            role="master",
            name=self._name,
            image=self._image.tag,
            command=tuple(flags.command(self._own, self._image.version, formation, self._v2)),
            # 'etcdctl' in this container speaks what the cluster is used with
            env={"ETCDCTL_API": "2" if self._v2 else "3"},
            network="host",
            volumes=volumes,
            exposed=ports,
            labels={
                VERSION_LABEL: flags.dotted(self._image.version),
                **{f"SERVICE_{p}_NAME": n for p, n in zip(ports, names, strict=True)},
            },
            stop_seconds=20,
        )

    def start(self, formation: Sequence[str]) -> None:
        """See :class:`arpanet_etcd.masters.joining.Machine`."""
        self._engine.ensure_volume(VOLUME)
        try:
            self._engine.ensure(self.spec(formation))
        except NameTaken:
            raise
        except EngineError as problem:
            raise type(problem)(readable(problem.message), problem.hint) from problem

    def check(self) -> None:
        """See :class:`arpanet_etcd.masters.joining.Machine`."""
        found = self._engine.inspect(self._name)
        state: dict[str, Any] = (found or {}).get("State", {})
        if not state.get("Running") or state.get("Restarting"):
            said = ""
            with suppress(EngineError):
                said = self._engine.logs(self._name, tail=1).strip()
            raise EngineError(f"etcd has ended: {readable(said) or 'it says nothing'}")

    def wipe(self) -> None:
        """See :class:`arpanet_etcd.masters.joining.Machine`."""
        self.remove()
        self._engine.remove_volume(VOLUME)

    def remove(self) -> None:
        """Remove the container; its data stays."""
        self._engine.remove_part(PART)


def readable(text: str) -> str:
    """Return *text* with a line of etcd's JSON log at its end as a sentence."""
    start = text.find("{")
    with suppress(ValueError, AttributeError):
        said = codec.parse(text[start:])
        words = ": ".join(str(said[key]) for key in ("msg", "error") if said.get(key))
        return f"{text[:start]}{words}"
    return text


def _identity(engine: Engine, image: str) -> Identity | None:
    """Read whose data the volume holds.

    Docker copies out of a container that was never started, so this needs neither a program in the
    image nor the right to read Docker's own directories.
    """
    if engine.volume_labels(VOLUME) is None:
        return None  # looking into it would make it
    body = once_body(image, ("etcd",), "none", {VOLUME: f"{MOUNT}:ro"})
    probe = engine.create(None, body)
    log = None
    try:
        for path in PEEKS:
            log = engine.read_archive(probe, path, first_log)
            if log and (found := wal.identity(log)):
                return found
    finally:
        engine.remove(probe)
    if log is None:
        return None
    # never take data for none: a member that begins anew under its old number breaks its cluster
    raise EngineError(
        f"the volume {VOLUME} holds data of etcd, but not whose it is",
        f"if it can go: {DROP_DATA}",
    )


def first_log(archive: IO[bytes]) -> bytes:
    """Return the beginning of the first ``*.wal`` in a tar archive, ``b""``: there is none.

    Read as it comes: etcd's spare file of 64 MB may stand before it.
    """
    with suppress(tarfile.TarError), tarfile.open(fileobj=archive, mode="r|") as tar:
        for one in tar:
            content = tar.extractfile(one) if one.isfile() and one.name.endswith(".wal") else None
            if content:
                return content.read(wal.HEAD)
    return b""
