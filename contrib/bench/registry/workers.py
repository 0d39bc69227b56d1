"""Processes of :mod:`contrib.bench.registry.worker`, and a loopback of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Worker", "be_alone", "every", "worker"]

_ALONE = "BENCH_ALONE"


def be_alone(module: str) -> None:
    """Begin *module* anew with a loopback of its own, unless that was done: all there is ours."""
    if _ALONE not in os.environ:
        argv = ["unshare", "--net", sys.executable, "-m", module, *sys.argv[1:]]
        os.execvpe(argv[0], argv, {**os.environ, _ALONE: "yes"})  # noqa: S606 -- no shell
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Worker:
    """A process of :mod:`contrib.bench.registry.worker`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def say(self, command: str) -> None:
        """Have it do something."""
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Return what came of it.

        :raises TimeoutError: it has ended.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise TimeoutError("a process of simulated hosts or followers has ended")
        return json.loads(line)

    def ask(self, command: str) -> Any:
        """Do both."""
        self.say(command)
        return self.answer()


@contextmanager
def worker(*argv: object, env: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """Have one; it ends with the block.

    :param env: variables that it has beside those of this process.
    """
    command = [sys.executable, "-m", "contrib.bench.registry.worker", *map(str, argv)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipes["env"] = {**os.environ, **(env or {})}
    with subprocess.Popen(command, **pipes) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()


def every(workers: Sequence[Worker], command: str) -> list[Any]:
    """Have all do it at one moment; return what came of it."""
    for one in workers:
        one.say(command)
    return [one.answer() for one in workers]
