"""nft, run in the network namespace of the calling thread.

A process per transaction rather than libnftables: 4 ms more, but the library keeps state in globals
(in versions that are still in use), and the tables of many clients are replaced at the same time.

A transaction is in force after 5 ms; nft ends some 10 ms later, since the kernel then waits until
no packet uses the old rules any more.
"""

import os
import shutil
import subprocess

from arpanet_ambassador.planes.nftables.ruleset import TABLE

__all__ = ["NftError", "listing", "run"]

#: Seconds; far more than a transaction of thousands of elements takes.
TIMEOUT = 5.0
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


class NftError(Exception):
    """nft said no, and nothing was done; the message is its own first line."""


def run(text: str) -> None:
    """Run *text* as one transaction.

    :raises NftError: nothing of it was done.
    """
    _nft("-f", "-", text=text)


def listing() -> str:
    """Return the table as the kernel has it, without counters; ``""`` when it is not there.

    :raises NftError: nft said no.
    """
    try:
        return _nft("--stateless", "list", "table", "ip", TABLE)
    except NftError as problem:
        if "No such file" in str(problem):
            return ""
        raise


def _nft(*arguments: str, text: str = "") -> str:
    program = shutil.which("nft", path=_PATH)
    if not program:
        raise NftError("there is no nft here")
    try:
        done = subprocess.run(
            [program, *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NftError(str(problem)) from problem
    if done.returncode:
        raise NftError(next(iter(done.stderr.strip().splitlines()), "nft failed and said nothing"))
    return done.stdout
