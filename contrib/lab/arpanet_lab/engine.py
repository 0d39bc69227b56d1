"""A host's dockerd: start, stop, ask."""

import shutil
import socket
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from arpanet import ArpanetError, EngineError
from arpanet_lab import cgroups
from arpanet_lab.holding import last_line, wait_until

if TYPE_CHECKING:
    from arpanet_lab.host import Host

__all__ = ["answers", "begin", "check", "end", "script", "wait"]

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0

# A pid file of an earlier life would stop dockerd: in a new PID namespace its number is in use.
# Signals as a service manager gives them: what a background shell ignores, containers would, too.
_SCRIPT = """\
#!/bin/sh
alive() {{
    pid=$(cat /run/docker.pid) && [ "$(cat "/proc/$pid/comm")" = dockerd ]
}} 2> /dev/null

start() {{
    alive && return
    rm -f /run/docker.pid
    umask 022
    ulimit -n "$(ulimit -Hn)"
    setsid --fork env --default-signal {command} < /dev/null >> {log} 2>&1
}}

stop() {{
    alive || return 0
    kill "$pid"
    for _ in $(seq 250); do
        alive || return 0
        sleep 0.1
    done
    echo "dockerd does not end" >&2
    return 1
}}

case $1 in
    start) start ;;
    stop) stop ;;
    restart) stop && start ;;
    status) alive ;;
    *) echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
"""


def check() -> None:
    """Make sure that there is a dockerd to start.

    :raises ArpanetError: there is none.
    """
    if not shutil.which("dockerd"):
        raise ArpanetError("dockerd is not installed", "apt-get install docker.io")


def script(lab: str, host: str, directory: Path) -> str:
    """Return the service script of *host*'s dockerd, ``/etc/init.d/docker`` there.

    ``arpanet install core`` uses it as it would use that of a real host. Options name only what
    several dockerds on one kernel need: all else is free for ``/etc/docker/daemon.json``, which
    may not name what an option names. Each must leave the others' cgroups alone, and there is no
    systemd in a host to make cgroups for it.
    """
    return _SCRIPT.format(
        command=f"dockerd --cgroup-parent=/{cgroups.ROOT}/{lab}/{host}"
        " --exec-opt=native.cgroupdriver=cgroupfs",
        log=directory / "dockerd.log",
    )


def begin(host: "Host") -> None:
    """Start the dockerd of *host* as a child of its process 1, without waiting for it."""
    host.run(["/etc/init.d/docker", "start"], cwd="/")


def wait(hosts: Iterable["Host"]) -> None:
    """Wait until the dockerds of *hosts* answer.

    :raises EngineError: one ended, or did not answer in time.
    """
    waiting = list(hosts)
    seconds = _START_SECONDS + 5 * len(waiting)
    for host in waiting:
        wait_until(partial(_settled, host), seconds)
        if not answers(host):
            log = host.directory / "dockerd.log"
            raise EngineError(
                f"dockerd of {host.name} does not answer: {last_line(log)}", f"see {log}"
            )


def _settled(host: "Host") -> bool:
    return answers(host) or not _pids(host)


def end(host: "Host") -> None:
    """Stop the dockerd of *host*, and with it its containers, as a service manager would.

    :raises ArpanetError: it does not end in time.
    """
    host.run(["/etc/init.d/docker", "stop"], cwd="/", timeout=_STOP_SECONDS)


def answers(host: "Host") -> bool:
    """Return whether the dockerd of *host* answers now."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(host.directory / "run" / "docker.sock"))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def _pids(host: "Host") -> list[int]:
    """Return the process ids of the dockerds in *host*, as the host numbers them."""
    found = []
    for name in Path(f"/proc/{host.pid}/root/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            # setsid and env are what a dockerd is until it is executed
            if name.read_text() in ("dockerd\n", "setsid\n", "env\n"):
                found.append(int(name.parent.name))
    return found
