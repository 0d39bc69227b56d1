"""Removing the tables, for ``arpanet slave stop``: run in the ambassador's container.

An ambassador that merely ends leaves its tables, so that an upgrade interrupts nothing: their
removal is asked for explicitly. The ambassador still runs then, and must not put them back.
"""

import fcntl
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from arpanet import ArpanetError, Engine, statusfile
from arpanet_ambassador.links.declare import owner
from arpanet_ambassador.planes.nftables.kernel import clear
from arpanet_ambassador.planes.nftables.ruleset import Home

__all__ = ["applying", "lock", "main", "mark"]

log = logging.getLogger(__name__)

#: Seconds for which nothing is applied after a removal; the container goes sooner than that.
QUIET = 60.0
#: Seconds to wait for a transaction that is under way.
WAIT = 10.0
LOCK = "applying.lock"


@contextmanager
def applying() -> Iterator[bool]:
    """Keep removals out for a while; yields whether tables may be written at all now."""
    with lock(0.0) as file:
        yield file is not None and not _recently_cleared(file)


def main() -> int:
    """Remove the tables from all containers of this host; return an exit code."""
    try:
        engine = Engine.connect()
        with lock(WAIT) as file:
            if file is None:
                raise ArpanetError("the ambassador is busy", "try again")
            mark(file)
            containers = engine.containers()
            owners = {one.id: one for one in (owner(c, containers) for c in containers.values())}
            troubles = clear(
                [Home(one.id, one.pid) for one in owners.values() if one.network_mode != "host"]
            )
    except ArpanetError as problem:
        sys.stderr.write(f"{problem}\n")
        return int(problem.exit_code)
    for home, trouble in troubles.items():
        sys.stderr.write(f"container {home.container[:12]}: {trouble}\n")
    return 1 if troubles else 0


@contextmanager
def lock(seconds: float) -> Iterator[IO[str] | None]:
    """Yield the locked file, ``None`` when another process holds the lock for *seconds*."""
    statusfile.RUN.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (statusfile.RUN / LOCK).open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield None
                    return
                time.sleep(0.05)
            else:
                yield file
                return


def mark(file: IO[str]) -> None:
    """Note that the tables were removed just now."""
    # the monotonic clock is the same in all processes of a host, and nobody sets it
    file.seek(0)
    file.truncate()
    file.write(str(time.monotonic()))
    file.flush()


def _recently_cleared(file: IO[str]) -> bool:
    file.seek(0)
    try:
        age = time.monotonic() - float(file.read())
    except ValueError:
        return False
    return 0 <= age < QUIET  # negative: marked before the host was started again


if __name__ == "__main__":
    sys.exit(main())
