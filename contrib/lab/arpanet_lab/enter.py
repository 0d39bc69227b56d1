"""Run a command inside a host: as ``nsenter`` does, with faithful signals.

Run as a script by its path, isolated (``python -I -S enter.py PID DIRECTORY COMMAND...``). nsenter
forks to enter a PID namespace, and its parent half dies of a Ctrl-C, or of a time limit's SIGKILL,
while the command goes on. Here the command gets exactly the signals that it would get if it were
started directly, and dies when this process is killed.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

_NAMESPACES = ("pid", "net", "uts", "mnt")  # the mount namespace last: /proc is another one then
_PR_SET_PDEATHSIG = 1
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # what a shell says
#: Sent by a terminal to all of its foreground group, so also to the command; others are passed on.
_FROM_TERMINAL = {signal.SIGINT, signal.SIGQUIT}
_PASSED_ON = (*_FROM_TERMINAL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_SI_USER = 0


def main(pid: int, directory: str, command: list[str]) -> int:
    """Run *command* in the namespaces of *pid* and in *directory*; return its exit code."""
    libc = ctypes.CDLL(None, use_errno=True)
    # all are opened before any is entered, so that a holder that dies meanwhile is noticed at once
    handles = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in _NAMESPACES]
    for handle in handles:
        if libc.setns(handle, 0):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(handle)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *_PASSED_ON})
    child = os.fork()
    if not child:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _become(directory, command)
    code = _attend(child)
    _take_terminal_back()
    return code


def _become(directory: str, command: list[str]) -> None:
    for name in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two, and exec inherits it
        signal.signal(name, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.chdir(directory)
        os.execvp(command[0], command)  # noqa: S606
    except OSError as problem:
        sys.stderr.write(f"{problem.filename or command[0]}: {problem.strerror}\n")
        sys.stderr.flush()
        os._exit(_NOT_FOUND if isinstance(problem, FileNotFoundError) else _NOT_EXECUTABLE)


def _take_terminal_back() -> None:
    """Undo what a shell with job control leaves: its own group, now gone, in the foreground."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    with suppress(OSError):
        if os.tcgetpgrp(0) != os.getpgrp() and _is_abandoned(os.tcgetpgrp(0)):
            os.tcsetpgrp(0, os.getpgrp())


def _is_abandoned(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _attend(child: int) -> int:
    while True:
        received = signal.sigwaitinfo({signal.SIGCHLD, *_PASSED_ON})
        if received.si_signo != signal.SIGCHLD:
            if received.si_signo not in _FROM_TERMINAL or received.si_code == _SI_USER:
                with suppress(ProcessLookupError):
                    os.kill(child, received.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if not ended:
            continue
        if os.WIFSTOPPED(status):
            if os.WSTOPSIG(status) != signal.SIGSTOP:  # Ctrl-Z: stop as well, and go on together
                os.kill(os.getpid(), signal.SIGSTOP)
                os.kill(child, signal.SIGCONT)
        elif os.WIFSIGNALED(status):
            return 128 + os.WTERMSIG(status)
        else:
            return os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
