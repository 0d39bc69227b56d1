"""What the socket plane needs of a host: the root of its cgroups, a bpffs, cookies of namespaces.

All of it is reached through the host's process 1, whose namespaces the ambassador's container may
enter anyway. So the container needs no mounts for it, starts on hosts that lack one of them, and
says what they lack; and it makes no difference which versions of cgroups Docker uses there.
"""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["Host", "Unavailable", "cookie", "mounted"]

T = TypeVar("T")
_SO_NETNS_COOKIE = 71
_NEWNS, _NEWCGROUP, _NEWNET, _FS = 0x00020000, 0x02000000, 0x40000000, 0x200
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # the same numbers on every architecture
_CREATE, _CLOEXEC = 6, 1
#: Where everybody expects it; systemd mounts it.
BPFFS = "/sys/fs/bpf"
#: What is looked for in which namespace of the host's.
_WHAT = {
    "net": "the cookie of the host's network namespace",
    "cgroup": "the root of the cgroup2 hierarchy",
    "mnt": f"a bpffs at {BPFFS}",
}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Unavailable(Exception):
    """This host can't have the socket plane; one sentence says why."""


def cookie() -> int:
    """Return the cookie of the calling thread's network namespace: none is used twice.

    :raises Unavailable: the kernel has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            data = probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
        except OSError:
            raise Unavailable("the kernel is older than 5.14: SO_NETNS_COOKIE is missing") from None
    return int(struct.unpack("=Q", data)[0])


class Host:
    """A host, by one process of its own.

    :param process: one that lives in none but the host's namespaces.
    """

    def __init__(self, process: int = 1) -> None:
        self._process = process

    def cookie(self) -> int:
        """Return the cookie of the host's own network namespace.

        :raises Unavailable: it can't be entered, or the kernel has no cookies.
        """
        return self._inside("net", _NEWNET, cookie)

    def cgroups(self) -> int:
        """Return a descriptor of the root of the cgroup2 hierarchy, wherever it is mounted or not.

        :raises Unavailable: there is none, or it can't be seen from here.
        """
        return self._inside("cgroup", _NEWCGROUP, _true_root)

    def cgroup(self, process: int) -> int | None:
        """Return the id of *process*'s cgroup2, ``None`` when that is the root itself.

        That is so for every process where Docker uses cgroups of version 1.

        :raises Unavailable: the hierarchy can't be seen, or the process is gone.
        """

        def look() -> int | None:
            text = Path(f"/proc/{process}/cgroup").read_text()
            path = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/")
            if path == "/":
                return None
            root = _true_root()
            try:
                return os.stat(path.lstrip("/"), dir_fd=root).st_ino
            finally:
                os.close(root)

        return self._inside("cgroup", _NEWCGROUP, look)

    def bpffs(self) -> Path:
        """Return the host's bpffs, as seen from here; mounts one where there is none.

        :raises Unavailable: there can be none, or nobody may write to it.
        """
        if found := self.mounted_bpffs():
            return found
        self._inside("mnt", _NEWNS, _mount_bpffs)
        if found := self.mounted_bpffs():
            return found
        raise Unavailable(f"the bpffs at {BPFFS} is not mounted")

    def mounted_bpffs(self) -> Path | None:
        """Return the host's bpffs, as seen from here; ``None``: there is none.

        :raises Unavailable: nobody may write to it.
        """
        writable = mounted(self._mounts(), BPFFS, "bpf")
        if writable is False:
            raise Unavailable(f"the bpffs at {BPFFS} is mounted read-only")
        return Path(f"/proc/{self._process}/root{BPFFS}") if writable else None

    def _mounts(self) -> str:
        try:
            return Path(f"/proc/{self._process}/mountinfo").read_text()
        except OSError as problem:
            raise Unavailable(f"the host's mounts cannot be seen: {problem.strerror}") from None

    def _inside(self, kind: str, flag: int, job: Callable[[], T]) -> T:
        """Return what *job* returns in a namespace of the host's, in a thread of its own."""
        came: list[T] = []
        problems: list[OSError | Unavailable] = []

        def visit() -> None:
            try:
                with Path(f"/proc/{self._process}/ns/{kind}").open("rb") as handle:
                    if kind == "mnt":  # threads share a root directory, else it can't be another
                        _check(_libc.unshare(_FS))
                    _check(_libc.setns(handle.fileno(), flag))
                came.append(job())
            except (OSError, Unavailable) as problem:
                problems.append(problem)

        thread = threading.Thread(target=visit, name=f"host-{kind}")
        thread.start()
        thread.join()
        for problem in problems:
            if isinstance(problem, Unavailable):
                raise problem
            words = problem.strerror or str(problem)
            raise Unavailable(f"{_WHAT[kind]} cannot be had here: {words}") from problem
        return came[0]


def mounted(mountinfo: str, point: str, kind: str) -> bool | None:
    """Tell whether the file system *kind* at *point* may be written, ``None``: it is not there.

    Source: proc(5), /proc/pid/mountinfo. What is mounted last hides what was before.
    """
    found = None
    for line in mountinfo.splitlines():
        mount, _, system = line.partition(" - ")
        words, of_system = mount.split(), system.split()
        if words[4] == point:
            options = [*words[5].split(","), *of_system[2].split(",")]
            found = "ro" not in options if of_system[0] == kind else None
    return found


# -- done in a namespace of the host's -------------------------------------------------------------


def _true_root() -> int:
    """Return the root of the cgroup2 hierarchy that the calling thread's namespace shows."""
    context = _check(_libc.syscall(_FSOPEN, b"cgroup2", _CLOEXEC))
    try:
        _check(_libc.syscall(_FSCONFIG, context, _CREATE, None, None, 0))
        mount = _check(_libc.syscall(_FSMOUNT, context, _CLOEXEC, 0))
    finally:
        os.close(context)
    try:
        root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
    finally:
        os.close(mount)
    # any other cgroup has it: what is attached there would do nothing for other containers
    if "cgroup.events" in os.listdir(root):  # noqa: PTH208
        os.close(root)
        raise Unavailable("the root of the cgroup2 hierarchy cannot be seen from here")
    return root


def _mount_bpffs() -> None:
    _check(_libc.mount(b"bpf", BPFFS.encode(), b"bpf", 0, None))


def _check(came: int) -> int:
    if came < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return came
