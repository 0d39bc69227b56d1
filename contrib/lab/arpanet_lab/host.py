"""One host of a lab: its processes, files and engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arpanet import ArpanetError
from arpanet_lab import engine
from arpanet_lab.holding import Holder

__all__ = ["Host", "environment"]

_ENTER = Path(__file__).with_name("enter.py")
#: Settings of arpanet and Docker that mean the caller's machine, not the host.
_NOT_ITS_OWN = ("ARPANET_", "DOCKER_", "ETCD", "AMBASSADOR_", "REGISTRATOR_", "XDG_")


class Host:
    """One host.

    :ivar lab: the name of its lab.
    :ivar name: its name, ``host1`` and so on.
    :ivar ip: its address in the lab.
    :ivar directory: its disk, and what else is known of it.
    """

    def __init__(self, lab: str, name: str, ip: str, directory: Path) -> None:
        self.lab = lab
        self.name = name
        self.ip = ip
        self.directory = directory
        self.holder = Holder(directory)

    def __repr__(self) -> str:
        return f"<{self.name} of lab {self.lab}: {self.ip}>"

    @property
    def on(self) -> bool:
        """Whether it has power."""
        return self.holder.pid is not None

    @property
    def pid(self) -> int:
        """Its process 1, as the machine numbers it.

        :raises ArpanetError: it has no power.
        """
        pid = self.holder.pid
        if pid is None:
            raise ArpanetError(f"{self.name} is off", f"arpanet lab start {self.name}")
        return pid

    @property
    def docker_socket(self) -> str:
        """The path of its Docker socket, for the machine: ``unix://`` and this is a DOCKER_HOST."""
        return str(self.directory / "run" / "docker.sock")

    @property
    def docker_data(self) -> Path:
        """``/var/lib/docker``, as the machine finds it while the host has power."""
        return Path(f"{self._root}/var/lib/docker")

    @property
    def home(self) -> Path:
        """Its root's home: the same path in the host and on the machine."""
        return self.directory / "home"

    def command(self, command: Sequence[str], cwd: str | Path | None = None) -> list[str]:
        """Return what to run on the machine to run *command* in the host.

        :param cwd: a directory as the host sees it; else the caller's, if the host has it too.
        :raises ArpanetError: it has no power.
        """
        pid, directory = self.pid, str(self._directory(cwd))
        return [sys.executable, "-I", "-S", str(_ENTER), str(pid), directory, *command]

    def _directory(self, cwd: str | Path | None) -> Path:
        directory = _here() if cwd is None else Path(cwd)
        if directory is None or (cwd is None and not Path(f"{self._root}{directory}").is_dir()):
            return self.home
        return directory

    @property
    def _root(self) -> str:
        return f"/proc/{self.pid}/root"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a command in the host: the caller's, made the host's own."""
        return environment(os.environ, self.name, self.home) | dict(extra or {})

    def popen(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        **options: Any,
    ) -> "subprocess.Popen[Any]":
        """Start *command* in the host; *options* are those of :class:`subprocess.Popen`.

        It gets the signals that are sent to what is returned, and dies when that is killed.

        :param env: added to the host's environment.
        """
        return subprocess.Popen(self.command(command, cwd), env=self.environment(env), **options)

    def run(
        self,
        command: Sequence[str],
        check: bool = True,
        capture: bool = True,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        input: str | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run *command* in the host and return it, with its words as text if *capture*.

        :param timeout: in seconds; the command is killed then.
        :raises ArpanetError: it has no power, or with *check*: the command failed.
        :raises subprocess.TimeoutExpired: it took too long.
        """
        done = subprocess.run(
            self._plainly(command, cwd),
            env=self.environment(env),
            capture_output=capture,
            timeout=timeout,
            text=True,
            errors="replace",
            input=input,
        )
        if done.returncode < 0:
            done.returncode = 128 - done.returncode  # nsenter ends as the command did: by a signal
        if check and done.returncode:
            words = " ".join((done.stderr or done.stdout or "").split())[-500:]
            line = " ".join(map(str, command))[:200]
            raise ArpanetError(f"{self.name}: `{line}` ended with {done.returncode}: {words}")
        return done

    def _plainly(self, command: Sequence[str], cwd: str | Path | None) -> list[str]:
        """Return the same as :meth:`command`, but for signals: its time limit's alone is faithful.

        It costs a tenth of what the other does.
        """
        place = f"--wd={self._root}{Path('/', self._directory(cwd))}"
        enter = [_tool("nsenter"), "-t", str(self.pid), "--pid", "--net", "--uts", "--mount", place]
        # nsenter's other half, which is the command, would outlive it
        return [*enter, _tool("setpriv"), "--pdeathsig", "KILL", "--", *command]

    def start_docker(self) -> None:
        """Start its dockerd and wait until it answers.

        :raises EngineError: it does not.
        """
        engine.begin(self)
        engine.wait([self])

    def stop_docker(self) -> None:
        """Stop its dockerd as a service manager would; its containers end too."""
        engine.end(self)

    def restart_docker(self) -> None:
        """Stop and start its dockerd: it reads its configuration again."""
        self.stop_docker()
        self.start_docker()


def _tool(name: str) -> str:
    """Return where the system has it, whatever the PATH that a command is given."""
    return shutil.which(name, path=os.defpath) or name


def _here() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return None


def environment(caller: Mapping[str, str], name: str, home: Path) -> dict[str, str]:
    """Return *caller*'s environment as host *name* would have it, with *home* as root's home."""
    kept = {key: value for key, value in caller.items() if not key.startswith(_NOT_ITS_OWN)}
    path = kept.get("PATH", os.defpath).split(":")
    # arpanet in a host is the one that made the host
    path = [str(Path(sys.executable).parent), *path, "/usr/sbin", "/sbin"]
    kept["PATH"] = ":".join(dict.fromkeys(path))
    kept |= {"HOME": str(home), "HOSTNAME": name, "USER": "root", "LOGNAME": "root"}
    return kept
