"""``install core``: Docker where it is missing, IP forwarding, a TCP port only when asked for."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import urllib3

from arpanet.context import Context
from arpanet.errors import ArpanetError, EngineUnreachable
from arpanet.settings import ARPANET_IP, DOCKER_PORT, DOCKER_URL

__all__ = ["core", "merge_hosts"]

SYSCTL = Path("/etc/sysctl.d/60-arpanet.conf")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
DAEMON = Path("/etc/docker/daemon.json")
DROP_IN = Path("/etc/systemd/system/docker.service.d/60-arpanet.conf")
#: systemd's unit names the sockets on the command line, which excludes "hosts" in daemon.json.
DROP_IN_TEXT = """\
# written by 'arpanet install core --docker-tcp': the sockets are in /etc/docker/daemon.json
[Service]
ExecStart=
ExecStart=/usr/bin/dockerd --containerd=/run/containerd/containerd.sock
"""
#: Seconds for an engine to answer after its start.
ENGINE_START = 30.0


def core(context: Context, docker_tcp: bool) -> None:
    """Make this host fit to run containers that other hosts reach. Changes nothing twice.

    :raises ArpanetError: one line that says which step failed; the steps before it stay done.
    """
    if not _engine_answers():
        _get_engine(context)
    _forward(context)
    if docker_tcp:
        _bind(context)


def _engine_answers() -> bool:
    from arpanet.docker.engine import Engine

    try:
        Engine.connect().close()
    except EngineUnreachable:
        return False
    return True


def _get_engine(context: Context) -> None:
    """Start the engine that is there; install one where none is."""
    _need_root("install or start Docker")
    if shutil.which("dockerd") is None:
        url = context.settings[DOCKER_URL]
        script = _download(url)
        if script:
            context.say(f"core: installing Docker with the script at {url}")
            with tempfile.NamedTemporaryFile(suffix=".sh") as file:
                file.write(script)
                file.flush()
                _run("sh", file.name)
        elif shutil.which("apt-get"):
            context.say(f"core: {url} can't be reached; installing the distribution's docker.io")
            _run("apt-get", "update", "-q")
            _run("apt-get", "install", "-qy", "--no-install-recommends", "docker.io")
        else:
            raise ArpanetError(
                f"DOCKER_URL {url} can't be reached, and this distribution has no apt-get",
                "install Docker by hand, then run this again",
            )
    if not _engine_answers():
        context.say("core: starting Docker")
        _service("start")
    _wait_for_engine()


def _download(url: str) -> bytes:
    """Return the script at *url*, nothing when there is none to be had."""
    try:
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
            answer = pool.request("GET", url, redirect=True)
            script = bytes(answer.data)
            return script if answer.status == 200 and script.startswith(b"#!") else b""
    except urllib3.exceptions.HTTPError:
        return b""


def _forward(context: Context) -> None:
    if FORWARDING.read_text().strip() == "1" and SYSCTL.exists():
        return
    _need_root("turn on IP forwarding")
    FORWARDING.write_text("1\n")
    SYSCTL.parent.mkdir(parents=True, exist_ok=True)
    SYSCTL.write_text("# written by 'arpanet install core'\nnet.ipv4.ip_forward = 1\n")
    context.say(f"core: IP forwarding is on, also after a reboot ({SYSCTL})")


def _bind(context: Context) -> None:
    """Let the engine listen on TCP too, keeping all that daemon.json already says."""
    address = f"tcp://{context.settings[ARPANET_IP]}:{context.settings[DOCKER_PORT]}"
    text = DAEMON.read_text() if DAEMON.exists() else "{}"
    merged = merge_hosts(text, address, str(DAEMON))
    if merged is None:
        context.say(f"core: Docker is set to listen on {address} already")
    else:
        _need_root("change Docker's configuration")
        DAEMON.parent.mkdir(parents=True, exist_ok=True)
        fresh = DAEMON.with_suffix(".arpanet")
        fresh.write_text(merged)
        fresh.replace(DAEMON)
        if Path("/run/systemd/system").exists():
            DROP_IN.parent.mkdir(parents=True, exist_ok=True)
            DROP_IN.write_text(DROP_IN_TEXT)
            _run("systemctl", "daemon-reload")
        context.say(f"core: restarting Docker, which will listen on {address}")
        _service("restart")
        _wait_for_engine()
    context.say(
        f"warning: whoever reaches {address} is root on this host: there is no authentication; "
        "let a firewall admit your own hosts only"
    )


def merge_hosts(text: str, address: str, path: str) -> str | None:
    """Return daemon.json *text* with *address* among its ``hosts``; ``None``: it is there already.

    :raises ArpanetError: *text* is not a JSON object.
    """
    try:
        settings = json.loads(text or "{}")
    except ValueError as problem:
        raise ArpanetError(f"{path} is not JSON: {problem}", "mend it first") from problem
    if not isinstance(settings, dict) or not isinstance(settings.get("hosts", []), list):
        raise ArpanetError(f"{path} does not hold what Docker expects", "mend it first")
    hosts = settings.get("hosts") or ["unix:///var/run/docker.sock"]
    if address in hosts:
        return None
    return json.dumps({**settings, "hosts": [*hosts, address]}, indent=2) + "\n"


def _service(verb: str) -> None:
    """Start or restart Docker with whatever manages services here."""
    if Path("/run/systemd/system").exists():
        _run("systemctl", verb, "docker")
    elif Path("/etc/init.d/docker").exists():
        _run("/etc/init.d/docker", verb)
    else:
        raise ArpanetError("nothing here can start Docker (no systemd, no /etc/init.d/docker)")


def _wait_for_engine() -> None:
    deadline = time.monotonic() + ENGINE_START
    while not _engine_answers():
        if time.monotonic() > deadline:
            raise EngineUnreachable(
                f"Docker does not answer {ENGINE_START:.0f} s after its start",
                "look at 'journalctl -u docker' or /var/log/docker.log",
            )
        time.sleep(0.2)


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ArpanetError(f"'{' '.join(command)}' failed: {last}")


def _need_root(purpose: str) -> None:
    if os.geteuid() != 0:
        raise ArpanetError(f"only root can {purpose}", "run it with sudo")
