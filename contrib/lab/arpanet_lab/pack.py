"""Images made of programs on this machine: no registry, no build, one layer."""

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from arpanet.errors import EngineError, UsageError

__all__ = ["KNOWN", "closure", "layer", "load"]

#: Images that demos, tests and benchmarks use: the first program is what each runs.
KNOWN = {
    "redis": ("redis-server", "redis-cli", "redis-benchmark"),
    "busybox": ("busybox",),
    "iperf3": ("iperf3",),
    "haproxy": ("haproxy",),
}

#: What programs look up in /etc, for a root that owns all and a nobody.
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_DIRECTORIES = {"root": 0o700, "tmp": 0o1777, "var": 0o755, "var/lib": 0o755, "run": 0o755}
_LDD_SECONDS = 20.0
_LOAD_SECONDS = 120


def layer(programs: Sequence[str]) -> bytes:
    """Return a tar of *programs*, found on the PATH, with all the libraries they load.

    :raises UsageError: one of them is not installed.
    """
    files = dict(closure(programs))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in _DIRECTORIES.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, text in _FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
        for target, source in sorted(files.items()):
            tar.add(source, target.lstrip("/"))
        for name in _applets(files):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/usr/bin/busybox"
            tar.addfile(entry)
    return buffer.getvalue()


def closure(programs: Iterable[str]) -> Iterable[tuple[str, Path]]:
    """Yield (path in the image, file on this machine) of *programs* and of what they load.

    :raises UsageError: one of them is not installed.
    """
    for program in programs:
        found = shutil.which(program)
        if not found:
            raise UsageError(f"{program} is not on this machine's PATH", "install it first")
        yield f"/usr/bin/{Path(found).name}", Path(found).resolve()
        listed = subprocess.run(
            ["ldd", found], capture_output=True, text=True, timeout=_LDD_SECONDS, check=False
        )  # ends with 1 for a static program, which loads nothing
        for library in re.findall(r"(/\S+) \(0x", listed.stdout):
            yield library, Path(library).resolve()


def load(tar: bytes, image: str, program: str, sockets: Iterable[str]) -> None:
    """Make *image*, which runs *program*, of *tar* at the engines behind *sockets*.

    :raises EngineError: an engine does not take it.
    """
    import docker
    from docker.errors import DockerException

    repository, _, tag = image.partition(":")
    command = ["sh"] if program == "busybox" else [program]
    changes = ["ENV PATH=/usr/bin:/bin", f"CMD {json.dumps(command)}"]
    for path in sockets:
        try:
            client = docker.APIClient(f"unix://{path}", version="auto", timeout=_LOAD_SECONDS)
            try:
                answer = client.import_image_from_data(tar, repository, tag or "latest", changes)
            finally:
                client.close()
        except DockerException as problem:
            raise EngineError(f"image {image} at {path}: {problem}") from problem
        if '"error"' in answer:
            raise EngineError(f"image {image} at {path}: {answer.strip()}")


def _applets(files: Mapping[str, Path]) -> list[str]:
    if "/usr/bin/busybox" not in files:
        return []
    listed = subprocess.run(
        [files["/usr/bin/busybox"], "--list"],
        capture_output=True,
        text=True,
        timeout=_LDD_SECONDS,
        check=True,
    )
    return [name for name in listed.stdout.split() if name != "busybox"]
