"""What a third party's code may not do to a command: end its process, fill its output.

An agent has a supervisor for that, a process of its own. A command is what a shell waits for, sends
signals to and gives a terminal: a process between the two would have to pass all of that on. So it
is the one call that ends a process past all cleanup that is refused here; a crash in C ends a
command, and the shell says so.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from arpanet.agent.output import Bounded

__all__ = ["aside", "unending"]

#: Seconds after which who still holds the output of a hook that has returned is not waited for.
LEFT = 0.5


@contextmanager
def unending() -> Iterator[None]:
    """Have ``os._exit`` raise ``SystemExit`` in this process; in its children it ends them."""
    own, true = os.getpid(), os._exit

    def refused(status: int) -> None:
        if os.getpid() != own:
            true(status)
        raise SystemExit(f"os._exit({status}) was called, which ends no command")

    os._exit = refused  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = true


@contextmanager
def aside(plugin: str, hook: str) -> Iterator[None]:
    """While it lasts, all that this process prints are words, on stderr, and not without end.

    What a command prints on stdout is data, which a plugin's words would spoil.

    :param plugin: who is waited for, in *hook*; takes the blame for too much.
    """
    if threading.current_thread() is not threading.main_thread():  # a plugin that asks another
        yield
        return
    _flush()
    true = os.dup(1), os.dup(2)
    source, sink = os.pipe()
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    pump = threading.Thread(target=_pump, args=(source, true[1], f"{plugin}: {hook}"), daemon=True)
    pump.start()
    try:
        yield
    finally:
        _flush()
        os.dup2(true[0], 1)
        os.dup2(true[1], 2)
        pump.join(LEFT)  # what the plugin started may have the pipe for as long as it likes
        os.close(true[0])


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _pump(source: int, words: int, whose: str) -> None:
    bounded = Bounded(time.monotonic())
    while data := os.read(source, 1 << 16):
        was = bounded.left_out
        data = bounded.pass_on(data, time.monotonic())
        if bounded.left_out and not was:
            data = f"plugin {whose}: too much output, some is left out\n".encode()
        while data:
            data = data[os.write(words, data) :]
    os.close(source)
    os.close(words)
