"""Programs that tests start, and that must not outlive a run that is killed."""

import threading
from collections.abc import Sequence

__all__ = ["with_its_parent"]


def with_its_parent(argv: Sequence[str]) -> list[str]:
    """Return the command of a process that dies with this one.

    The kernel takes the thread that starts it for its parent (prctl(2), PR_SET_PDEATHSIG): one that
    another thread starts would die with that thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return list(argv)
    return ["setpriv", "--pdeathsig=KILL", *argv]
