"""The real etcdctl, for what :mod:`arpanet_etcd.etcdctl.verbs` doesn't know: wherever there is one.

This host's own is taken first: it has the terminal, this host's files and output as it comes. Next
comes the one in this host's etcd container, then one in a container of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from arpanet import ArpanetError, Context
from arpanet_etcd.masters import health
from arpanet_etcd.settings import ARPANET_ETCD_API, endpoints

__all__ = ["run", "with_file"]

#: Seconds that it may take in a container: a snapshot of a large store is slow.
PATIENCE = 600
#: They go on until they are interrupted, and Docker gives their output only when they end.
ENDLESS = frozenset({"watch", "lock", "elect", "make-mirror"})


def run(context: Context, words: Sequence[str]) -> int:
    """Run it with this command's input and output; return its exit code."""
    api = "2" if context.settings[ARPANET_ETCD_API] == "v2" else "3"
    argv = ["etcdctl", *_where(words, endpoints(context.settings)), *words]
    if shutil.which("etcdctl"):
        return subprocess.run(argv, env={**os.environ, "ETCDCTL_API": api}).returncode
    if ENDLESS & set(words):
        raise ArpanetError(
            f"etcdctl {words[0]} needs an etcdctl on this host", "for example Debian's etcd-client"
        )
    code, out, err = _in_container(context, argv, api)
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    sys.stderr.buffer.write(err)
    return code


def _where(words: Sequence[str], masters: Sequence[str]) -> list[str]:
    """Return the option that names the masters, unless *words* do; a snapshot is one member's."""
    if any(word.startswith("--endpoints") for word in words):
        return []
    if "snapshot" in words:
        masters = [one for one in masters if health.healthy(one)][:1] or masters[:1]
    return [f"--endpoints={','.join(masters)}"]


def _in_container(context: Context, argv: list[str], api: str) -> tuple[int, bytes, bytes]:
    from arpanet_etcd.masters import image

    words, directory = with_file(argv, Path.cwd())
    running = [one for one in context.engine.own(image.PART) if one.state == "running"]
    if running and not directory:
        stdin = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
        return context.engine.exec(
            running[0].name, argv, {"ETCDCTL_API": api}, stdin or None, PATIENCE
        )
    if api == "2":
        raise ArpanetError(
            "etcdctl for etcd's v2 API needs a master on this host", "run this on a master"
        )
    volumes = {directory: directory} if directory else {}
    tag = image.provide(context).tag
    return context.engine.run_once(tag, words, "host", volumes, PATIENCE)


def with_file(argv: Sequence[str], here: Path) -> tuple[list[str], str]:
    """Return *argv* with the file of a snapshot spelled out, and its directory; else ``""``.

    A container sees this host's file only in a directory that it shares.
    """
    if "snapshot" not in argv or argv[-1] in ("snapshot", "save", "status", "restore"):
        return list(argv), ""
    path = here / argv[-1]
    return [*argv[:-1], str(path)], str(path.parent)
