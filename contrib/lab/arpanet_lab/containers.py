"""The processes of a host's containers: to freeze and to kill them from the machine."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from arpanet_lab import cgroups
from arpanet_lab.host import Host

__all__ = ["Processes", "frozen"]


class Processes:
    """All processes of one container, however often it is restarted.

    :raises ArpanetError: the host has no such container.
    """

    def __init__(self, host: Host, container: str) -> None:
        inspect = ["docker", "inspect", "-f", "{{.Id}}", container]
        self._host = host
        self._id = host.run(inspect).stdout.strip()

    def pids(self) -> set[int]:
        """Return their numbers; none while it does not run.

        Without the runtime that starts it: where that is killed, Docker gives a restart up.
        """
        found = cgroups.processes(self._host.lab, self._host.name, self._id)
        return {pid for pid in found if not _is_runtime(pid)}

    def send(self, number: signal.Signals) -> int:
        """Send a signal to each; return to how many."""
        return sum(self._send_to(pid, number) for pid in self.pids())

    def _send_to(self, pid: int, number: signal.Signals) -> bool:
        with suppress(ProcessLookupError), closing(_Handle(pid)) as handle:
            if pid in self.pids():  # the number cannot come to mean another process by now
                signal.pidfd_send_signal(handle.fd, number)
                return True
        return False


def _is_runtime(pid: int) -> bool:
    """Return whether a process is still ``runc init``, or becoming what the container runs."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return not words[0] or b"runc" in words[0] or words[-2:] == [b"init", b""]
    return True


class _Handle:
    def __init__(self, pid: int) -> None:
        self.fd = os.pidfd_open(pid)

    def close(self) -> None:
        os.close(self.fd)


@contextmanager
def frozen(*containers: Processes) -> Iterator[None]:
    """Stop all processes of *containers*: they do nothing, and keep all that they have open."""
    try:
        for one in containers:
            one.send(signal.SIGSTOP)
        yield
    finally:
        for one in containers:
            one.send(signal.SIGCONT)
