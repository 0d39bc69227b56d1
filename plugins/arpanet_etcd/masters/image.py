"""The etcd image: pulled, or packed from this host's own etcd where no registry answers."""

import shutil
import subprocess
from dataclasses import dataclass

from arpanet import Context, Engine, EngineError, pack_binaries
from arpanet_etcd.masters import flags
from arpanet_etcd.masters.flags import Version
from arpanet_etcd.settings import ETCD_IMAGE

__all__ = [
    *("PACKED", "PART", "VERSION_LABEL", "Image"),
    *("earlier", "named", "present", "provide", "wanted"),
]

PART = "etcd"
#: The label of an etcd container that says which etcd last wrote its data.
VERSION_LABEL = "arpanet.etcd.version"
PACKED = "arpanet/etcd"


@dataclass(frozen=True)
class Image:
    """An image that is on this host, and the etcd in it."""

    tag: str
    version: Version


def provide(context: Context, install: bool = False) -> Image:
    """Return the image that this host's member runs; get it where it is missing.

    The image of a member that exists is kept where its data can't go to the new one.

    :param install: prefer pulling to an image that was packed here earlier.
    :raises EngineError: it can't be pulled, and there is no etcd on this host to pack.
    """
    engine = context.engine
    image = wanted(context, install)
    before = earlier(engine)
    reason = before and flags.upgrade(before.version, image.version)
    if not before or not reason:
        return image
    if not engine.has_image(before.tag):
        raise EngineError(reason, f"let ETCD_IMAGE name etcd {flags.dotted(before.version)}")
    context.say(f"{reason}: keeping {before.tag}")
    return before


def wanted(context: Context, install: bool = False) -> Image:
    """Return the image that the settings ask for, whatever runs now; get it where it is missing.

    :raises EngineError: see :func:`provide`.
    """
    if image := present(context, install):
        return image
    return named(context, _get(context))


def named(context: Context, tag: str) -> Image:
    """Return an image that is on this host, and which etcd it has.

    :raises EngineError: it has none.
    """
    return Image(tag, _version(context.engine, tag))


def present(context: Context, install: bool = False) -> Image | None:
    """Return an image that is on this host already and will do."""
    tag = _present(context, install)
    return Image(tag, _version(context.engine, tag)) if tag else None


def _present(context: Context, install: bool) -> str:
    wanted = context.settings[ETCD_IMAGE]
    if context.engine.has_image(wanted):
        return wanted
    if install or not _may_pack(context):
        return ""
    packed = context.engine.images(PACKED)
    if host := _host_version():
        tag = f"{PACKED}:{flags.dotted(host)}"
        return tag if tag in packed else ""
    return max(packed, key=flags.of_tag, default="")


def _get(context: Context) -> str:
    wanted = context.settings[ETCD_IMAGE]
    try:
        with context.progress(f"pulling {wanted}") as tell:
            context.engine.pull(wanted, tell)
    except EngineError as problem:
        host = _host_version() if _may_pack(context) else None
        if host is None:
            raise EngineError(
                problem.message,
                problem.hint
                or "install etcd on this host, or let ETCD_IMAGE name an image that can be pulled",
            ) from problem
        context.say(f"{wanted} can't be pulled: packing this host's etcd {flags.dotted(host)}")
        # from 3.6 on, a snapshot is restored by a program of its own
        programs = ["etcd", "etcdctl", *(["etcdutl"] if shutil.which("etcdutl") else [])]
        tag = f"{PACKED}:{flags.dotted(host)}"
        return pack_binaries(context.engine, tag, programs, command=["etcd"])
    return wanted


def _may_pack(context: Context) -> bool:
    """An image that somebody named is that image, or none."""
    return context.settings.source(ETCD_IMAGE).origin == "default"


def _host_version() -> Version | None:
    """Return the version of the etcd on this host's path; both binaries are needed."""
    if not (shutil.which("etcd") and shutil.which("etcdctl")):
        return None
    try:
        said = subprocess.run(["etcd", "--version"], capture_output=True, text=True, timeout=10)
        return flags.version(said.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _version(engine: Engine, tag: str) -> Version:
    """Return which etcd is in an image; asks it only where no container of ours tells."""
    known = earlier(engine, engine.image_id(tag))
    if known:
        return known.version
    code, said, problem = engine.run_once(tag, ["etcd", "--version"], network="none", timeout=30)
    try:
        return flags.version(said.decode(errors="replace"))
    except ValueError:
        last = (said + problem).decode(errors="replace").strip().splitlines() or [f"exit {code}"]
        raise EngineError(
            f"image {tag} runs no etcd: {last[-1]}", "let ETCD_IMAGE name an image of etcd"
        ) from None


def earlier(engine: Engine, image_id: str | None = None) -> Image | None:
    """Return the image of this host's etcd container, of that very image if *image_id* is given."""
    for one in engine.own(PART):
        found = engine.inspect(one.id)
        said = found and (found["Config"].get("Labels") or {}).get(VERSION_LABEL)
        if found and said and image_id in (None, found["Image"]):
            return Image(one.image, flags.version(f"etcd Version: {said}"))
    return None
