"""Process 1 of a node container: runs the agent, and runs it again whatever it ends with.

Docker's own restarts come later and later, so that an agent that dies again and again would add up
to silence; here the next one begins within a second. The supervisor does as little as can be: it
imports no plugin, asks nobody, and writes only what the agent prints and how agents end. What it
decides is in :mod:`arpanet.agent.deaths`.
"""

import contextlib
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from arpanet import logs
from arpanet.agent.box import Box
from arpanet.agent.deaths import Death, History, how
from arpanet.agent.output import Bounded

__all__ = ["Supervisor", "main"]

log = logging.getLogger(__name__)

#: Seconds from one look at the agent to the next.
TICK = 1.0
#: Seconds that an agent has to end by itself; Docker's own time limit is 10.
GRACE = 8.0
#: POSIX: as much as a pipe that says that it can be written to takes without blocking.
PIPE_BUF = 4096


def main(name: str, environment: Mapping[str, str] = os.environ) -> int:
    """Run agent *name* until SIGTERM or SIGINT; returns the exit code."""
    logs.to_log(environment.get("ARPANET_LOG", ""), packages=("arpanet",))
    argv = [sys.executable, "-m", "arpanet.agent.process", name]
    return Supervisor(argv, environment).run()


class Supervisor:
    """One agent after the other.

    :param argv: the agent; gets the descriptor of its box and what it is to know, as JSON, behind.
    :param out: the descriptor that its output goes to.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], out: int = 2) -> None:
        self._argv, self._environment, self._out = list(argv), dict(environment), out
        self._box_fd = Box.create()
        self._box = Box(self._box_fd)
        self._history = History()
        self._bounded = Bounded(time.monotonic())
        self._ending = False
        self._pid = 0
        self._output = -1

    def run(self) -> int:
        """Run agents until told to end."""
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it only has to wake
        while not self._ended():
            try:
                self._start()
            except OSError as problem:  # of processes, memory or files there are too many just now
                log.error("no agent can be started: %s; another try in %.1f s", problem, TICK)
                self._wait(woken, TICK)
                continue
            death = self._live(woken)
            if self._ended():
                break
            self._history.add(death)
            log.error("the agent ended: %s; another in %.2f s", how(death), self._history.pause)
            for plugin, why in self._history.left_out.items():
                log.error("plugin %s: %s", plugin, why)
            self._wait(woken, self._history.pause)
        return 0

    def _ended(self) -> bool:
        return self._ending  # signals set it

    def _end(self, *_: object) -> None:
        self._ending = True
        if self._pid:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.kill(self._pid, signal.SIGTERM)
                os.kill(self._pid, signal.SIGCONT)  # one that is stopped hears of nothing

    # -- one agent -------------------------------------------------------------------------------

    def _live(self, woken: int) -> Death:
        """Wait until the agent has ended."""
        began, stuck = time.monotonic(), False
        watch, ended_at = _Watch(self._history.patience), 0.0
        while True:
            self._wait(woken, TICK)
            status = self._reap()
            if status is not None:
                break
            ended_at = ended_at or (time.monotonic() if self._ending else 0.0)
            if ended_at and time.monotonic() - ended_at > GRACE:
                os.kill(self._pid, signal.SIGKILL)
            elif watch.stuck(self._box.beats, time.monotonic()) and not stuck:
                stuck = True
                os.kill(self._pid, signal.SIGKILL)
        self._drain()
        os.close(self._output)
        self._pid, self._output = 0, -1
        now = time.monotonic()
        code, calls = os.waitstatus_to_exitcode(status), self._box.calls()
        return Death(now, now - began, code, self._box.beats > 0, stuck, calls)

    def _start(self) -> None:
        """Start an agent.

        :raises OSError: the system can't; nothing is left of the attempt.
        """
        self._box.clear()
        count, last = self._history.recent(time.monotonic())
        told = json.dumps({"left_out": self._history.left_out, "deaths": count, "last": last})
        argv = [*self._argv, str(self._box_fd), told]
        output, pipe = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(output, False)
        try:
            self._pid = os.posix_spawn(
                argv[0],
                argv,
                self._environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, pipe, 1), (os.POSIX_SPAWN_DUP2, pipe, 2)],
                setsigdef=[signal.SIGCHLD, signal.SIGPIPE],
            )
        except OSError:
            os.close(output)
            raise
        finally:
            os.close(pipe)
        self._output = output
        if self._ending:  # it came in between
            self._end()

    def _reap(self) -> int | None:
        """Return the agent's wait status; orphans, which process 1 inherits, go silently."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid in (0, self._pid):
                return status if pid else None

    # -- what there is to wait for ---------------------------------------------------------------

    def _wait(self, woken: int, seconds: float) -> None:
        """Pass output on until a signal comes or *seconds* are over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            sources = [woken, self._output] if self._output >= 0 else [woken]
            ready, _, _ = select.select(sources, [], [], left)
            if self._output in ready and not self._read():
                time.sleep(min(left, 0.01))  # closed by an agent that lives on: rare, and no reason
            if woken in ready:
                os.read(woken, PIPE_BUF)
                return

    def _drain(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        """Pass on what can be read now; return whether that was anything."""
        try:
            data = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return False
        was = self._bounded.left_out
        self._write(self._bounded.pass_on(data, time.monotonic()))
        if self._bounded.left_out and not was:
            inside = ", ".join(f"plugin {plugin} in {hook}" for plugin, hook in self._box.calls())
            log.warning("too much output, some is left out%s", f": {inside}" if inside else "")
        return bool(data)

    def _write(self, data: bytes) -> None:
        """Write as much as can be without waiting: whoever reads may be away, as Docker may be."""
        poll = select.poll()
        poll.register(self._out, select.POLLOUT)
        while data and poll.poll(0):
            try:
                os.write(self._out, data[:PIPE_BUF])
            except OSError:
                return
            data = data[PIPE_BUF:]


class _Watch:
    """Tells when the deciding thread has stood still for too long.

    Looks are counted, not seconds: while the whole container is frozen, nobody looks.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._beats = -1
        self._looks = 0
        self._looked_at = 0.0

    def stuck(self, beats: int, now: float) -> bool:
        """Look; to be called as often as one likes, and counts once a :data:`TICK`."""
        if beats != self._beats:
            self._beats, self._looks, self._looked_at = beats, 0, now
        elif now - self._looked_at >= TICK * 0.9:
            self._looked_at = now
            self._looks += 1
        return self._looks > self._patience
