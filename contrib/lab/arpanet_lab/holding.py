"""Holder processes as seen from outside: start one, know it again, end it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

from arpanet import ArpanetError

__all__ = ["Holder", "end", "end_all", "last_line", "wait_until"]

_SCRIPT = Path(__file__).with_name("holder.py")
_NAMESPACES = ("--net", "--mount", "--uts", "--pid")
_READY_SECONDS = 20.0
_END_SECONDS = 10.0


class Holder:
    """The process that a host, or the switch, of a lab consists of.

    :ivar directory: where it keeps its record.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def pid(self) -> int | None:
        """Its process id; ``None`` when it does not run.

        A number alone proves nothing: it may be in use again, by now or since the machine booted.
        """
        try:
            record = json.loads((self.directory / "holder.json").read_text())
            stat = Path(f"/proc/{record['pid']}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        state, *fields = stat.rpartition(")")[2].split()
        same = int(fields[18]) == record["start"] and boot == record["boot"]
        return int(record["pid"]) if same and state not in "ZX" else None

    def begin(self, hostname: str = "", cgroup: str = "", bound: bool = False) -> None:
        """Start it, without waiting until it is ready; without *hostname*, as a switch.

        It gets no Ctrl-C from this process's terminal, and outlives this process.

        :param cgroup: the kind of cgroups that a host shows; see :data:`arpanet_lab.cgroups.KINDS`.
        :param bound: it ends when this process does, however that happens.
        """
        for name in ("holder.json", "ready"):
            (self.directory / name).unlink(missing_ok=True)
        command = ["setsid", "--fork", "unshare", *_NAMESPACES, "--fork", sys.executable]
        command += ["-I", "-S", str(_SCRIPT), str(self.directory), hostname, cgroup]
        with (self.directory / "holder.log").open("w") as log, ExitStack() as closing:
            passed = []
            if bound:  # a handle, because the number means another process in there
                passed.append(os.pidfd_open(os.getpid()))
                closing.callback(os.close, passed[0])
                command.append(str(passed[0]))
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                check=True,
                timeout=_READY_SECONDS,
                pass_fds=passed,
            )

    def wait_ready(self) -> int:
        """Return its process id when its file system is complete.

        :raises ArpanetError: it failed, or took too long.
        """
        ready = self.directory / "ready"
        wait_until(lambda: ready.exists() or self._failed(), _READY_SECONDS)
        pid = self.pid
        if pid is None or not ready.exists():
            raise ArpanetError(
                f"{self.directory.name} did not start: {last_line(self.directory / 'holder.log')}",
                f"see {self.directory}/holder.log",
            )
        return pid

    def _failed(self) -> bool:
        recorded = (self.directory / "holder.json").exists()
        return (recorded and self.pid is None) or (
            not recorded and bool(last_line(self.directory / "holder.log"))
        )


def end(holders: Iterable[Holder]) -> None:
    """Cut the power: kill all processes of *holders* at once, and wait until they are gone.

    :raises ArpanetError: some would not die in time.
    """
    _kill([(pid, partial(_is, holder, pid)) for holder in holders if (pid := holder.pid)])


def end_all(directory: Path) -> None:
    """End every holder whose directory is in *directory*, also those without a record yet.

    One that was being started when its lab's command was killed has none.

    :raises ArpanetError: some would not die in time.
    """
    while found := [int(p.name) for p in Path("/proc").glob("[0-9]*") if _holds(p, directory)]:
        _kill([(pid, partial(_holds, Path(f"/proc/{pid}"), directory)) for pid in found])


def _is(holder: Holder, pid: int) -> bool:
    return holder.pid == pid


def _holds(process: Path, directory: Path) -> bool:
    """Return whether *process* is a holder, or is about to become one.

    Of whichever installation: the lab may have been made by another than the one that ends it.
    """
    with suppress(OSError):
        words = [Path(os.fsdecode(w)) for w in (process / "cmdline").read_bytes().split(b"\0")]
        return any(
            script.parts[-2:] == _SCRIPT.parts[-2:] and held.parent == directory
            for script, held in pairwise(words)
        )
    return False


def _kill(processes: Iterable[tuple[int, Callable[[], bool]]]) -> None:
    """Kill processes of which each still is what it is taken for, and wait until all are gone."""
    handles = []
    try:
        for pid, still in processes:
            with suppress(ProcessLookupError):
                handles.append((pid, os.pidfd_open(pid)))
                if still():  # the handle cannot come to mean another process
                    signal.pidfd_send_signal(handles[-1][1], signal.SIGKILL)
        deadline = time.monotonic() + _END_SECONDS
        for pid, handle in handles:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([handle], [], [], left)[0]:
                raise ArpanetError(f"process {pid} does not die in {_END_SECONDS:.0f} seconds")
    finally:
        for _, handle in handles:
            os.close(handle)


def last_line(path: Path) -> str:
    """Return the last line with words in the file at *path*; ``""`` when there is none."""
    with suppress(FileNotFoundError):
        lines = path.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "")
    return ""


def wait_until(condition: Callable[[], object], seconds: float, pause: float = 0.02) -> bool:
    """Ask *condition* until it is true or *seconds* are over; return whether it is."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
