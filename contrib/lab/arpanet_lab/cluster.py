"""An arpanet on the hosts of a lab, made with the commands that a person would type."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from arpanet import ArpanetError
from arpanet_lab.host import Host

__all__ = [
    "PATIENCE",
    "configure",
    "everywhere",
    "form",
    "form_masters",
    "let_in",
    "replace_rc",
    "write_rc",
]

#: Seconds for a command that may have to pack an image or wait for a quorum.
PATIENCE = 300.0


def configure(hosts: Sequence[Host], masters: Sequence[Host] = (), **settings: str) -> None:
    """Write the ``~/.arpanetrc`` of *hosts*: *settings* hold.

    :param masters: who they are; by default all of *hosts*.
    """
    known = ",".join(host.ip for host in masters or hosts)
    for host in hosts:
        write_rc(host, ARPANET_IP=host.ip, ARPANET_MASTERS=known, **settings)


def write_rc(host: Host, **settings: str) -> None:
    """Have ``~/.arpanetrc`` hold *settings* alone."""
    replace_rc(host, "".join(f"export {name}={value}\n" for name, value in settings.items()))


def replace_rc(host: Host, text: str) -> None:
    """Replace ``~/.arpanetrc`` the way editors do: a new file, renamed."""
    fresh = host.home / ".arpanetrc.new"
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(host.home / ".arpanetrc")


def form(hosts: Sequence[Host]) -> None:
    """Make all hosts, which know of each other, masters and slaves.

    :raises ArpanetError: a command failed.
    """
    form_masters(hosts)
    everywhere(hosts, "arpanet slave start")


def form_masters(hosts: Sequence[Host]) -> None:
    """Make one etcd cluster of all hosts, in which there is none.

    :raises ArpanetError: a command failed.
    """
    first, *others = hosts
    start = ["arpanet", "master", "start", "--peers"]
    first.run([*start, "boot"], timeout=PATIENCE)
    for host in others:
        let_in(host, first, "master")
        host.run([*start, f"{first.ip}:7001"], timeout=PATIENCE)


def let_in(host: Host, master: Host, role: str) -> None:
    """Have *host* let in, unless it is already, or needs not be.

    :raises ArpanetError: a command failed.
    """
    said = json.loads(host.run(["arpanet", "config", "-f", "json"], timeout=PATIENCE).stdout)
    values = {one["setting"]: one["value"] for one in said}
    identity = Path(values["ARPANET_IDENTITY"]) / "host/host.pem"
    if values["ARPANET_TLS"] != "on" or identity.exists():
        return
    create = ["arpanet", "token", "create", "--role", role]
    host.run(master.run(create, timeout=PATIENCE).stdout.split(), timeout=PATIENCE)


def everywhere(hosts: Sequence[Host], line: str) -> None:
    """Run a command on all hosts at the same time.

    :raises ArpanetError: it failed on one.
    """
    running = [
        host.popen(line.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for host in hosts
    ]
    said = [process.communicate(timeout=PATIENCE)[0] for process in running]
    for host, process, words in zip(hosts, running, said, strict=True):
        if process.returncode:
            raise ArpanetError(f"{host.name}: `{line}` ended with {process.returncode}: {words}")
