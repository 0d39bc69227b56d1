"""Docker as a service of this machine: started, restarted and waited for."""

import os
import socket
import subprocess
import time
from pathlib import Path

from arpanet.errors import ArpanetError, EngineUnreachable

__all__ = ["answers", "has_systemd", "lives", "need_root", "run", "service", "wait"]

#: Seconds for an engine to answer after its start.
START = 30.0
#: Seconds without a process that mean that it does not start.
GONE = 3.0
PID = Path("/var/run/docker.pid")


def answers() -> bool:
    """Return whether the engine answers where this process looks for it."""
    from arpanet.docker.engine import Engine

    try:
        Engine.connect().close()
    except EngineUnreachable:
        return False
    return True


def has_systemd() -> bool:
    """Return whether systemd runs here, rather than being installed only."""
    return Path("/run/systemd/system").exists()


def service(verb: str) -> None:
    """Start or restart Docker with whatever manages services here."""
    if has_systemd():
        run("systemctl", verb, "docker")
    elif Path("/etc/init.d/docker").exists():
        run("/etc/init.d/docker", verb)
    else:
        raise ArpanetError("nothing here can start Docker (no systemd, no /etc/init.d/docker)")


def wait(ip: str = "", port: int = 0, by_pid: bool = False) -> None:
    """Wait until Docker answers, with *ip* also there.

    :param by_pid: its process is known by :data:`PID`, as it was before a restart: where it has
        ended, nobody needs to wait for it.
    :raises EngineUnreachable: it does not, or has ended.
    """
    hint = "look at 'journalctl -u docker' or /var/log/docker.log"
    began = living = time.monotonic()
    while not (answers() and (not ip or _accepts(ip, port))):
        now = time.monotonic()
        if not by_pid or lives():
            living = now
        if now - living > GONE:
            raise EngineUnreachable("Docker ended soon after its start", hint)
        if now - began > START:
            place = f" at {ip}:{port}" if ip and answers() else ""
            words = f"Docker does not answer{place} {START:.0f} s after its start"
            raise EngineUnreachable(words, hint)
        time.sleep(0.2)


def lives() -> bool:
    """Return whether there is a process where Docker usually leaves its number."""
    try:
        return Path("/proc", PID.read_text().strip()).exists()
    except OSError:
        return False


def _accepts(ip: str, port: int) -> bool:
    try:
        socket.create_connection((ip, port), timeout=2).close()
    except OSError:
        return False
    return True


def run(*command: str) -> str:
    """Run a program and return its output.

    :raises ArpanetError: it failed; its last line is part of the message.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ArpanetError(f"'{' '.join(command)}' failed: {last}")
    return done.stdout


def need_root(purpose: str) -> None:
    """Refuse, for anybody else."""
    if os.geteuid() != 0:
        raise ArpanetError(f"only root can {purpose}", "run it with sudo")
