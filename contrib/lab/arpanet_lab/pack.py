"""Images made of programs on this machine: a lab reaches no image registry."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from arpanet import ArpanetError, Engine, Tree, elf, pack_binaries

__all__ = ["KNOWN", "load"]

#: Images that demos, tests and benchmarks use: the first program is what each runs.
KNOWN = {
    "redis": ("redis-server", "redis-cli", "redis-benchmark"),
    "busybox": ("busybox",),
    "iperf3": ("iperf3",),
    "haproxy": ("haproxy",),
    "perl": ("perl",),
}
_LIST_SECONDS = 10.0


def load(socket: str, tag: str, programs: Sequence[str]) -> None:
    """Make image *tag* of *programs*, the first of which it runs, at the engine behind *socket*.

    A busybox comes with all the names that it goes by.

    :raises ArpanetError: a program is not installed, or the engine does not take the image.
    """
    engine = Engine.connect(f"unix://{socket}")
    try:
        if programs[0] == "busybox":
            _load_busybox(engine, tag)
        else:
            pack_binaries(engine, tag, programs, command=programs[:1])
    finally:
        engine.close()


def _load_busybox(engine: Engine, tag: str) -> None:
    found = shutil.which("busybox")
    if not found or elf.interpreter(Path(found).resolve()):
        raise ArpanetError("no static busybox on this machine", "apt-get install busybox-static")
    listed = subprocess.run(
        [found, "--list"], capture_output=True, text=True, timeout=_LIST_SECONDS, check=True
    )
    tree = Tree()
    real = tree.add(Path(found))
    tree.directories["/tmp"] = 0o1777  # noqa: S108
    tree.files["/etc/passwd"] = b"root:x:0:0:root:/:/bin/sh\n"
    names = [name for name in listed.stdout.split() if name != real.name]
    tree.links |= {str(real.with_name(name)): real.name for name in names}
    if str(real.parent) != "/bin":
        tree.links["/bin"] = str(real.parent)
    changes = ["ENV PATH=/bin", f"CMD {json.dumps(['sh'])}"]
    engine.import_image(tree.archive(), tag, changes)
