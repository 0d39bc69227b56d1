"""``install core``: Docker where it is missing, IP forwarding, a TCP port only when asked for."""

import shutil
import tempfile
from pathlib import Path

import urllib3

from arpanet.context import Context
from arpanet.errors import ArpanetError
from arpanet.host import tcp
from arpanet.host.service import answers, need_root, run, service, wait
from arpanet.settings import DOCKER_URL

__all__ = ["core"]

SYSCTL = Path("/etc/sysctl.d/60-arpanet.conf")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def core(context: Context, docker_tcp: bool) -> None:
    """Make this host fit to run containers that other hosts reach. Changes nothing twice.

    :raises ArpanetError: one line that says which step failed; the steps before it stay done.
    """
    if not answers():
        _get_engine(context)
    _forward(context)
    if docker_tcp:
        tcp.bind(context)


def _get_engine(context: Context) -> None:
    """Start the engine that is there; install one where none is."""
    need_root("install or start Docker")
    if shutil.which("dockerd") is None:
        _install(context)
    if not answers():
        with context.progress("core: starting Docker"):
            service("start")
            wait()
        context.say("core: Docker runs")


def _install(context: Context) -> None:
    url = context.settings[DOCKER_URL]
    script = _download(url)
    if script:
        with (
            context.progress(f"core: installing Docker with the script at {url}"),
            tempfile.NamedTemporaryFile(suffix=".sh") as file,
        ):
            file.write(script)
            file.flush()
            run("sh", file.name)
    elif shutil.which("apt-get"):
        what = f"core: {url} can't be reached; installing the distribution's docker.io"
        with context.progress(what):
            run("apt-get", "update", "-q")
            run("apt-get", "install", "-qy", "--no-install-recommends", "docker.io")
    else:
        raise ArpanetError(
            f"DOCKER_URL {url} can't be reached, and this distribution has no apt-get",
            "install Docker by hand, then run this again",
        )


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
    need_root("turn on IP forwarding")
    FORWARDING.write_text("1\n")
    SYSCTL.parent.mkdir(parents=True, exist_ok=True)
    SYSCTL.write_text("# written by 'arpanet install core'\nnet.ipv4.ip_forward = 1\n")
    context.say(f"core: IP forwarding is on, also after a reboot ({SYSCTL})")
