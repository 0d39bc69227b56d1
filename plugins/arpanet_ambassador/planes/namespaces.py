"""Visits to containers' network namespaces, each from a thread of its own.

The number of a process that ended is given to another: before anything is done in a namespace, its
process must be seen to belong to the container, and the namespace must not be the host's.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from arpanet_ambassador.planes.plane import Home

__all__ = ["Gone", "NotEntered", "belongs", "cookie", "name_of", "troubles", "visit", "visit_all"]

T = TypeVar("T")
_NEWNET = 0x40000000
#: SO_NETNS_COOKIE (linux/socket.h)
_NETNS_COOKIE = 71
#: A transaction mostly waits for the kernel (see nft.py): more at once than there are processors;
#: each takes 2 MB meanwhile.
_AT_ONCE = 8


class NotEntered(Exception):
    """The namespace was not entered; one sentence says why."""


class Gone(NotEntered):
    """The container is not there any more."""


Belongs = Callable[[Home], bool]


def belongs(home: Home) -> bool:
    """Tell whether the process is the container's: Docker names its cgroup after its id."""
    return home.container in Path(f"/proc/{home.pid}/cgroup").read_text()


def name_of(pid: int) -> str:
    """Return what the kernel calls the network namespace of a process, ``""`` when it can't tell.

    Two containers share a namespace when this is the same, whatever Docker's records say: one whose
    namespace others joined may have ended.
    """
    try:
        # each look at Docker asks for a thousand: a Path takes twice as long as the kernel
        return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115
    except OSError:
        return ""


def cookie() -> int:
    """Return the number of the caller's namespace, which no other is ever given.

    0 on kernels before 5.14, which don't tell. The *name* of a namespace that is gone is given to
    the next one that is made: often to that of the same container, started again.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
        try:
            return int.from_bytes(
                one.getsockopt(socket.SOL_SOCKET, _NETNS_COOKIE, 8), sys.byteorder
            )
        except OSError:
            return 0


def visit_all(
    work: Mapping[Home, Callable[[], T]], verify: Belongs = belongs
) -> dict[Home, T | Exception]:
    """Do each piece of *work* in its namespace, several at once; return what came of each.

    What can come is what a piece returns or raises, and :class:`NotEntered`.
    """
    if not work:
        return {}
    with ThreadPoolExecutor(min(len(work), _AT_ONCE), "netns") as pool:
        futures = {home: pool.submit(_guarded, home, job, verify) for home, job in work.items()}
        return {home: future.result() for home, future in futures.items()}


def troubles(
    homes: Collection[Home], job: Callable[[], object], verify: Belongs = belongs
) -> dict[str, str]:
    """Do *job* in all of *homes*; return container -> what was in the way, where it is not gone."""
    came = visit_all(dict.fromkeys(homes, job), verify)
    return {
        home.container: str(one)
        for home, one in came.items()
        if isinstance(one, Exception) and not isinstance(one, Gone)
    }


def visit(home: Home, job: Callable[[], T], verify: Belongs = belongs) -> T:
    """Do *job* in one namespace.

    :raises NotEntered: it was not entered; and whatever *job* raises.
    """
    came = visit_all({home: job}, verify)[home]
    if isinstance(came, Exception):
        raise came
    return came


def _guarded(home: Home, job: Callable[[], T], verify: Belongs) -> T | Exception:
    try:
        with _inside(home, verify):
            return job()
    except Exception as problem:
        return problem


@contextmanager
def _inside(home: Home, verify: Belongs) -> Iterator[None]:
    try:
        descriptor = os.open(f"/proc/{home.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        raise Gone("the container has gone") from None
    except PermissionError:
        raise NotEntered(_privileges("look at")) from None
    try:
        _check(home, descriptor, verify)
        _set(descriptor)
        try:
            yield
        finally:
            _return()
    finally:
        os.close(descriptor)


def _check(home: Home, descriptor: int, verify: Belongs) -> None:
    # after the namespace was opened: the process that passes is then the one it was opened of, or
    # a later one of the same container
    try:
        if not verify(home):
            raise Gone(f"process {home.pid} is not the container's any more")
    except (FileNotFoundError, ProcessLookupError):
        raise Gone("the container has gone") from None
    inode = os.fstat(descriptor).st_ino
    if home.namespace and home.namespace != f"net:[{inode}]":
        raise Gone(f"process {home.pid} lives in another network namespace by now")
    if inode in _foreign():
        raise NotEntered("its network namespace is the host's or the ambassador's own")


def _foreign() -> set[int]:
    """Return the namespaces to keep out of: this process's and, seen as pid 1, the host's."""
    found = set()
    for process in ("self", "1"):
        with suppress(PermissionError):
            found.add(Path(f"/proc/{process}/ns/net").stat().st_ino)
    return found


def _set(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NEWNET):
        code = ctypes.get_errno()
        raise NotEntered(f"{_privileges('enter')} ({os.strerror(code)})")


def _return() -> None:
    """Go back to the namespace of the process, so as not to keep a dead container's alive."""
    descriptor = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set(descriptor)
    finally:
        os.close(descriptor)


def _privileges(what: str) -> str:
    return (
        f"no permission to {what} its network namespace: links in it need the host's pid "
        "namespace and the capabilities SYS_ADMIN, NET_ADMIN and SYS_PTRACE"
    )
