"""``install core --docker-tcp``: Docker listens on a TCP port too, or everything is as before.

The sockets that dockerd listens on are named on its command line or in daemon.json, never in both:
it would not start. Distributions differ, so the unit that is here is asked: where it names sockets,
a drop-in adds one to its own command, word for word; else daemon.json gets it.
"""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from arpanet import identity
from arpanet.context import Context
from arpanet.errors import ArpanetError
from arpanet.host import addresses
from arpanet.host.service import has_systemd, lives, need_root, run, service, wait
from arpanet.settings import ARPANET_IP, DOCKER_PORT

__all__ = ["bind", "command_line", "drop_in", "merge_hosts", "names_sockets", "tls"]

DAEMON = Path("/etc/docker/daemon.json")
DROP_IN = Path("/etc/systemd/system/docker.service.d/60-arpanet.conf")
DROP_IN_TEXT = """\
# written by 'arpanet install core --docker-tcp': the unit's own command, and one socket more
[Service]
ExecStart=
ExecStart={command} -H {address}{options}
"""

#: What dockerd is told, on its command line or in daemon.json, to ask for certificates.
Options = Mapping[str, str | bool]


def bind(context: Context) -> None:
    """Let the engine listen on ARPANET_IP:DOCKER_PORT, keeping all that is configured already.

    It asks for a certificate of this cluster's, unless ARPANET_TLS is off.

    :raises SettingsError: this host has no certificate to show.
    :raises ArpanetError: it did not come back so, and is as it was before.
    """
    me = identity.of(context.settings)
    if me:
        me.check()
    ip, port = context.settings[ARPANET_IP], context.settings[DOCKER_PORT]
    address = f"tcp://[{ip}]:{port}" if ":" in ip else f"tcp://{ip}:{port}"
    wanted = _wanted(address, tls(me))
    if not wanted:
        context.say(f"core: Docker is set to listen on {address} already")
    else:
        need_root("change Docker's configuration")
        addresses.check_local(ip)
        if not addresses.port_free(ip, port):
            raise ArpanetError(f"something listens on {ip}:{port} already", "set DOCKER_PORT")
        with context.progress(f"core: restarting Docker, which will listen on {address}"):
            _replace(wanted, address, ip, port)
        context.say(f"core: Docker listens on {address}")
    if me:
        who = f"whoever has a certificate of this cluster's, and reaches {address},"
        context.say(
            f"warning: {who} is root on this host, also one that is revoked, until its certificate "
            "ends: Docker knows no list of those"
        )
    else:
        context.say(
            f"warning: whoever reaches {address} is root on this host: there is no authentication; "
            "let a firewall admit your own hosts only"
        )


def _wanted(address: str, options: Options) -> dict[Path, str]:
    """Return what has to be written where; nothing when it is there already."""
    command = command_line(run("systemctl", "cat", "docker.service")) if has_systemd() else ""
    if names_sockets(command):
        path, text = DROP_IN, drop_in(command, address, options)
        return {} if path.exists() and path.read_text() == text else {path: text}
    before = DAEMON.read_text() if DAEMON.exists() else "{}"
    merged = merge_hosts(before, address, str(DAEMON), options)
    return {DAEMON: merged} if merged else {}


def _replace(wanted: Mapping[Path, str], address: str, ip: str, port: int) -> None:
    before = {path: path.read_text() if path.exists() else None for path in wanted}
    by_pid = lives()
    try:
        _write(wanted)
        _restart()
        wait(ip, port, by_pid)
    except (ArpanetError, OSError) as problem:
        _write(before)
        words = f"Docker did not come back listening on {address}: {problem}"
        try:
            _restart()
            wait(by_pid=by_pid)
        except ArpanetError as worse:
            raise ArpanetError(
                f"{words}; its configuration is as it was before, and it does not start so either",
                "mend it by hand: 'journalctl -u docker' or /var/log/docker.log says what is wrong",
            ) from worse
        raise ArpanetError(f"{words}; it runs again as before") from problem


def _write(files: Mapping[Path, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".arpanet")
            fresh.write_text(text)
            fresh.replace(path)


def _restart() -> None:
    if has_systemd():
        run("systemctl", "daemon-reload")
    service("restart")


# -- deciding ------------------------------------------------------------------------------------


def command_line(unit: str) -> str:
    """Return how dockerd is started, from ``systemctl cat``; leaves our own drop-in out."""
    command = place = ""
    for line in re.sub(r"\\\n", " ", unit).splitlines():
        if heading := re.match(r"# (/\S+)$", line):
            place = heading.group(1)
        elif line.startswith("ExecStart=") and place != str(DROP_IN):
            command = line.partition("=")[2].strip()
    return command


def names_sockets(command: str) -> bool:
    """Return whether a command line of dockerd says what to listen on."""
    return any(word.startswith(("-H", "--host")) for word in shlex.split(command))


def tls(me: identity.Identity | None) -> Options:
    """Return what has dockerd ask for certificates, on its TCP ports (its own options' names)."""
    if me is None:
        return {}
    files = {"tlscacert": me.ca, "tlscert": me.certificate, "tlskey": me.key}
    return {"tlsverify": True, **{name: str(path) for name, path in files.items()}}


def drop_in(command: str, address: str, options: Options = MappingProxyType({})) -> str:
    """Return the drop-in for a unit that starts dockerd with *command*."""
    words = (
        f" --{n}" if v is True else f" --{n}={shlex.quote(str(v))}" for n, v in options.items()
    )
    return DROP_IN_TEXT.format(command=command, address=address, options="".join(words))


def merge_hosts(
    text: str, address: str, path: str, options: Options = MappingProxyType({})
) -> str | None:
    """Return daemon.json *text* with *address* among its ``hosts``, and *options*.

    :returns: ``None``: it is all there already.

    :raises ArpanetError: *text* is not a JSON object.
    """
    try:
        settings = json.loads(text or "{}")
    except ValueError as problem:
        raise ArpanetError(f"{path} is not JSON: {problem}", "mend it first") from problem
    if not isinstance(settings, dict) or not isinstance(settings.get("hosts", []), list):
        raise ArpanetError(f"{path} does not hold what Docker expects", "mend it first")
    hosts = settings.get("hosts") or ["unix:///var/run/docker.sock"]
    if address in hosts and all(settings.get(name) == value for name, value in options.items()):
        return None
    hosts = hosts if address in hosts else [*hosts, address]
    return json.dumps({**settings, **options, "hosts": hosts}, indent=2) + "\n"
