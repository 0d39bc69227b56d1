"""Node images: pulled, or packed from what runs here.

A packed image is one layer with programs of this host at their own paths, the closure of their
shared libraries, and for a node the running Python installation. It needs no image registry, and a
node runs exactly the code that is installed.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from arpanet import __version__
from arpanet.errors import ArpanetError, EngineError
from arpanet.images import elf
from arpanet.images.tree import Tree
from arpanet.settings import ARPANET_IMAGE

if TYPE_CHECKING:
    from arpanet.context import Context
    from arpanet.docker.engine import Engine

__all__ = ["REPOSITORY", "node_image", "pack_binaries", "remove_old"]

REPOSITORY = "arpanet/node"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What an agent calls, what brings libnftables (nft), what reads an agent's files, and what keeps a
#: container there that does nothing; and what it may do without.
PROGRAMS, OPTIONAL = ("nft", "nsenter", "cat", "sleep"), ("conntrack",)
#: Debian's package of each program.
PACKAGES = {
    "cat": "coreutils",
    "conntrack": "conntrack",
    "etcd": "etcd-server",
    "etcdctl": "etcd-client",
    "nft": "nftables",
    "nsenter": "util-linux",
    "sleep": "coreutils",
}
#: Taken along where they exist: names that nft knows, certificates, where libraries are.
CONFIGURATION = (
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
BASE: Mapping[str, bytes] = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "/etc/group": b"root:x:0:\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
}


def node_image(context: "Context") -> str:
    """Return the tag of the image for this host's agents, after pulling or packing it if absent.

    The image's entry point is ``python -m arpanet``: a container's command begins with ``agent``.

    :raises ArpanetError: something to pack is missing, or Docker has no room; nothing was tagged.
    """
    engine = context.engine
    if wanted := context.settings[ARPANET_IMAGE]:
        if not engine.has_image(wanted):
            with context.progress(f"pulling {wanted}") as tell:
                engine.pull(wanted, tell)
        return wanted
    if not context.packed or not engine.has_image(context.packed):
        context.packed = _packed(context, engine)
    return context.packed


def _packed(context: "Context", engine: "Engine") -> str:
    from arpanet.images import installation  # packaging takes its time

    tree = Tree()
    programs = [_find(name) for name in PROGRAMS]
    programs += [Path(found) for name in OPTIONAL if (found := _which(name))]
    for path in programs:
        tree.add(path)
    _add_base(tree, ("/root", "/run", "/tmp", "/var/lib/arpanet"))  # noqa: S108
    installation.add_python(tree)
    installation.add_distributions(tree, installation.distributions())
    entry = [installation.python(), "-m", "arpanet"]
    changes = _changes(installation.environment(), entrypoint=entry)
    tag = f"{REPOSITORY}:{__version__}-{tree.digest(_libraries_state(), *changes)}"
    if not engine.has_image(tag):
        _check_architecture(engine)
        began = time.monotonic()
        with context.progress(f"packing node image {tag} from this installation") as tell:
            _add_libraries(tree, programs)
            size = _send(engine, tag, tree, changes, tell)
        seconds = time.monotonic() - began
        context.say(f"packed {len(tree.files)} files, {size / 1e6:.0f} MB, in {seconds:.1f} s")
    return tag


def remove_old(engine: "Engine") -> None:
    """Remove the packed node images that no container was made from, but for the newest of them.

    Called when all that runs a new one has been started: the one before stays, to go back to.
    """
    used = engine.used_images()
    unused = [tag for tag, image in engine.images(REPOSITORY).items() if image not in used]
    for tag in unused[1:]:
        with suppress(EngineError):  # in use since just now
            engine.remove_image(tag)


def pack_binaries(
    engine: "Engine",
    tag: str,
    binaries: Sequence[str | Path],
    command: Sequence[str] = (),
    files: Mapping[str, Path | bytes] | None = None,
    directories: Sequence[str] = ("/tmp",),  # noqa: S108
) -> str:
    """Make an image of programs of this host, at their own paths; return *tag*.

    :param binaries: names to find on the search path, or paths.
    :param command: the image's default command.
    :param files: path in the image -> a file of this host, or content.
    :raises ArpanetError: a program is not installed, or Docker has no room; nothing was tagged.
    """
    tree = Tree()
    programs = [_find(binary) for binary in binaries]
    for path in programs:
        tree.add(path)
    _add_base(tree, directories)
    for name, source in (files or {}).items():
        tree.files[name] = source if isinstance(source, bytes) else str(source)
    _check_architecture(engine)
    _add_libraries(tree, programs)
    _send(engine, tag, tree, _changes({}, command=list(command)))
    return tag


# -- what goes in --------------------------------------------------------------------------------


def _which(name: str) -> str | None:
    # The fixed path first: an ordinary user's lacks the directories of nft and conntrack, and the
    # same image must come out under every user's path
    return shutil.which(name, path=f"{SEARCH_PATH}:{os.environ.get('PATH', '')}")


def _find(binary: str | Path) -> Path:
    found = _which(str(binary))
    if not found:
        name = Path(binary).name
        package = PACKAGES.get(name, name)
        raise ArpanetError(
            f"no '{binary}' on this host, which the image needs", f"apt-get install {package}"
        )
    return Path(found).absolute()


def _add_base(tree: Tree, directories: Sequence[str]) -> None:
    tree.files.update(BASE)
    for name in directories:
        tree.directories[name] = 0o1777 if name.endswith("tmp") else 0o755
    for one in CONFIGURATION:
        if os.access(one, os.R_OK):
            tree.add(Path(one))


def _add_libraries(tree: Tree, programs: Sequence[Path]) -> None:
    """Add the loaders and libraries of all that is in the tree already."""
    interpreter = Path(sys.executable).resolve()
    loader = elf.interpreter(interpreter)
    for path in programs:
        if script := elf.shebang(path):
            program = _find(script)
            tree.add(program)
            _add_closure(tree, program, None)
        _add_closure(tree, path, None)
    for source in map(Path, [one for one in tree.files.values() if isinstance(one, str)]):
        if ".so" in source.suffixes or source == interpreter:
            _add_closure(tree, source, loader)


def _add_closure(tree: Tree, path: Path, loader: Path | None) -> None:
    """*loader*: for a library, which names none itself."""
    own = elf.interpreter(path.resolve())
    use = own or loader
    if use is None:
        return
    tree.add(use)
    for library in elf.libraries(path, use, optional=own is None):
        tree.add(library)


def _libraries_state() -> str:
    """What changes whenever a library is installed, so that the closure need not be looked up."""
    try:
        at = Path("/etc/ld.so.cache").stat()
    except OSError:  # another C library
        return ""
    return f"{at.st_size} {at.st_mtime_ns}"


# -- to Docker -----------------------------------------------------------------------------------


def _changes(
    environment: Mapping[str, str], command: Sequence[str] = (), entrypoint: Sequence[str] = ()
) -> list[str]:
    variables = {"PATH": SEARCH_PATH, **environment}
    changes = [f"ENV {name}={json.dumps(variables[name])}" for name in sorted(variables)]
    if command:
        changes.append(f"CMD {json.dumps(list(command))}")
    if entrypoint:
        changes.append(f"ENTRYPOINT {json.dumps(list(entrypoint))}")
    return changes


def _send(
    engine: "Engine",
    tag: str,
    tree: Tree,
    changes: Sequence[str],
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for data in tree.archive():
            sent += len(data)
            tell(f"{sent / 1e6:.0f} MB")
            yield data

    engine.import_image(counted(), tag, changes)
    return sent


def _check_architecture(engine: "Engine") -> None:
    here = os.uname().machine
    if engine.architecture != here:
        raise ArpanetError(
            f"programs of {here} do not run on a Docker of {engine.architecture}",
            "set ARPANET_IMAGE and ETCD_IMAGE to published images",
        )
