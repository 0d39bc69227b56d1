"""Conversations with processes in a lab's hosts: lines, each with a time limit."""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from arpanet_lab.host import Host

from arpanet import ArpanetError

__all__ = ["Reader", "Shell", "reading", "shell"]

#: Seconds to wait for a line.
PATIENCE = 60.0
_END = "what it said ends here:"


class Reader:
    """The lines of a process's output."""

    def __init__(self, process: "subprocess.Popen[str]", what: str) -> None:
        self._process, self._what = process, what
        self._lines: SimpleQueue[tuple[int, str]] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put((time.time_ns(), line.rstrip("\n")))

    def say(self, line: str = "") -> None:
        """Write a line to the process.

        :raises ArpanetError: it has ended.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ArpanetError(f"{self._what} has ended") from None

    def next(self) -> tuple[int, str]:
        """Return when the next line came, in ns since the epoch, and the line.

        :raises ArpanetError: none comes.
        """
        try:
            return self._lines.get(timeout=PATIENCE)
        except Empty:
            raise ArpanetError(f"nothing was heard of {self._what}") from None

    def drain(self) -> None:
        """Forget what came until now."""
        while not self._lines.empty():
            self._lines.get()


class Shell:
    """A shell in a container: commands in it begin at once, unlike those of ``docker exec``."""

    def __init__(self, reader: Reader, what: str) -> None:
        self._reader, self._what = reader, what

    def run(self, command: str) -> str:
        """Return what *command* prints.

        :raises ArpanetError: it failed, or does not end.
        """
        self._reader.say(f"{command} 2>&1 < /dev/null; echo; echo '{_END}' $?")
        lines: list[str] = []
        while not (line := self._reader.next()[1]).startswith(_END):
            lines.append(line)
        if line != f"{_END} 0":
            words = " ".join(" ".join(lines).split())[-300:]
            raise ArpanetError(f"{self._what}: `{command}` failed: {words}")
        return "\n".join(lines)


@contextmanager
def reading(host: Host, command: Sequence[str]) -> Iterator[Reader]:
    """Have *command* run in *host*, and read what it prints."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with host.popen(command, **pipes) as process:
        try:
            yield Reader(process, f"`{' '.join(command)}` on {host.name}")
        finally:
            process.kill()


@contextmanager
def shell(host: Host, container: str) -> Iterator[Shell]:
    """Have a shell in a container."""
    with reading(host, ["docker", "exec", "-i", container, "sh"]) as reader:
        yield Shell(reader, f"{container} on {host.name}")
