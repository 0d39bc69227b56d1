"""The real etcdctl, for what :mod:`arpanet_etcd.etcdctl.verbs` doesn't know: wherever there is one.

This host's own is taken first: it has the terminal, this host's files and output as it comes. Next
comes the one in this host's etcd container, then one in a container of its own.
"""

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from arpanet import ArpanetError, Context, Identity, identity
from arpanet_etcd.masters import flags, health
from arpanet_etcd.settings import ARPANET_ETCD_API, endpoints

__all__ = ["run", "with_file"]

#: Seconds that it may take in a container: a snapshot of a large store is slow.
PATIENCE = 600
#: They go on until they are interrupted, and Docker gives their output only when they end.
ENDLESS = frozenset({"watch", "lock", "elect", "make-mirror"})


def run(context: Context, words: Sequence[str]) -> int:
    """Become this host's own, or return the exit code of one in a container."""
    argv = ["etcdctl", *_where(words, endpoints(context.settings)), *words]
    me = identity.of(context.settings)
    v2 = context.settings[ARPANET_ETCD_API] == "v2"
    env = environment(v2, me, me.host if me else None)
    if program := shutil.which("etcdctl"):
        _become(program, argv, {**os.environ, **env})
    if ENDLESS & set(words):
        raise ArpanetError(
            f"etcdctl {words[0]} needs an etcdctl on this host", "for example Debian's etcd-client"
        )
    with context.progress.moving("asking the masters"):
        code, out, err = _in_container(context, argv, me)
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    sys.stderr.buffer.write(err)
    return code


def _become(program: str, argv: list[str], env: Mapping[str, str]) -> NoReturn:
    """Go on as *program*: who ends or stops this command means that one, by whatever signal."""
    for one in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two, and exec inherits it
        signal.signal(one, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, argv, env)  # noqa: S606


def _where(words: Sequence[str], masters: Sequence[str]) -> list[str]:
    """Return the option that names the masters, unless *words* do; a snapshot is one member's."""
    if any(word.startswith("--endpoints") for word in words):
        return []
    if "snapshot" in words:
        masters = [one for one in masters if health.healthy(one)][:1] or masters[:1]
    return [f"--endpoints={','.join(masters)}"]


def environment(v2: bool, me: Identity | None, directory: Path | None) -> dict[str, str]:
    """Return what tells etcdctl the API, and who this host is.

    In its environment, since everybody on a host sees the words of a command line.

    :param directory: where it finds the certificate of *me*.
    """
    found = {"ETCDCTL_API": "2" if v2 else "3"}
    if me and directory:
        me.check()
        names = ("CA_FILE", "CERT_FILE", "KEY_FILE") if v2 else ("CACERT", "CERT", "KEY")
        files = (me.ca.name, me.certificate.name, me.key.name)
        found |= {f"ETCDCTL_{n}": str(directory / f) for n, f in zip(names, files, strict=True)}
        if me.password and not v2:
            found["ETCDCTL_USER"] = f"{me.name}:{me.password}"
    return found


def _in_container(
    context: Context, argv: list[str], me: Identity | None
) -> tuple[int, bytes, bytes]:
    from arpanet_etcd.masters import image

    v2 = context.settings[ARPANET_ETCD_API] == "v2"
    env = environment(v2, me, Path(flags.CERTIFICATE))
    words, directory = with_file(argv, Path.cwd())
    running = [one for one in context.engine.own(image.PART) if one.state == "running"]
    if running and not directory:
        stdin = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
        return context.engine.exec(running[0].name, argv, env, stdin or None, PATIENCE)
    if v2:
        raise ArpanetError(
            "etcdctl for etcd's v2 API needs a master on this host", "run this on a master"
        )
    volumes = {directory: directory} if directory else {}
    if me:
        volumes[str(me.host)] = f"{flags.CERTIFICATE}:ro"
    tag = image.provide(context).tag
    return context.engine.run_once(tag, words, "host", volumes, PATIENCE, env)


def with_file(argv: Sequence[str], here: Path) -> tuple[list[str], str]:
    """Return *argv* with the file of a snapshot spelled out, and its directory; else ``""``.

    A container sees this host's file only in a directory that it shares.
    """
    if "snapshot" not in argv or argv[-1] in ("snapshot", "save", "status", "restore"):
        return list(argv), ""
    path = here / argv[-1]
    return [*argv[:-1], str(path)], str(path.parent)
