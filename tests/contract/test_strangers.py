"""What a third party's plugin may do to a command, each as a process of its own."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.conftest import wait_for

#: The built-ins do what a host would see, and no more; all other code is the installed one.
BUILTIN = """
from pathlib import Path
from arpanet import hookimpl

class Builtin:
    @hookimpl
    def arpanet_slave_start(self, context):
        Path("started").touch()
        context.say("builtin: started")

    @hookimpl
    def arpanet_slave_stop(self, context):
        print("of the built-in")
"""
STRANGER = """
import os, sys, time
from pathlib import Path
from arpanet import hookimpl

class Stranger:
    @hookimpl
    def arpanet_slave_start(self, context):
        Path("called").touch()
        self.do(os.environ["DOES"])

    @hookimpl
    def arpanet_slave_stop(self):
        print("of the stranger")

    def do(self, what):
        match what:
            case "hang":
                time.sleep(600)
            case "exit":
                if not os.fork():
                    os._exit(3)
                assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
                os._exit(7)
            case "print":
                for _ in range(1000):
                    os.write(1, b"x" * 99_999 + b"\\n")
            case "raise":
                raise KeyboardInterrupt

class Last:
    @hookimpl
    def arpanet_slave_start(self, context):
        context.say("last: called")
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


def installed(site: Path, name: str, module: str, points: str) -> None:
    """Lay a distribution down as pip would."""
    info = site / f"{name}-9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9\n")
    (info / "entry_points.txt").write_text(points)
    (site / f"{name}_for_tests.py").write_text(textwrap.dedent(module))


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Begin a command of an arpanet that has the stranger, and a built-in that needs no Docker."""
    site, own = tmp_path / "site", distribution("arpanet").entry_points
    commands = "".join(f"{p.name} = {p.value}\n" for p in own if p.group == "arpanet.commands")
    builtin = "[arpanet.plugins]\nbuiltin = arpanet_for_tests:Builtin\n"
    installed(site, "arpanet", BUILTIN, f"{builtin}[arpanet.commands]\n{commands}")
    points = "stranger = stranger_for_tests:Stranger\nzlast = stranger_for_tests:Last\n"
    installed(site, "stranger", STRANGER, f"[arpanet.plugins]\n{points}")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH")))),
        "HOSTNAME": "h1",
        "ARPANET_IP": "127.0.0.1",
        "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
    }

    def begin(*argv: str, **more: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "arpanet", *argv],
            env=env | more,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return begin


def finished(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    """Return what became of a command: its exit code and both outputs."""
    with process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (
            "hang",
            "no answer within 1 s; the rest goes on without it; ARPANET_PLUGINS_TIMEOUT gives it "
            "longer",
        ),
        ("exit", "SystemExit: os._exit(7) was called, which ends no command"),
        ("raise", "raised KeyboardInterrupt"),
    ],
)
def test_the_rest_is_done_and_one_line_says_who_failed(
    start: Start, tmp_path: Path, does: str, words: str
) -> None:
    code, out, err = finished(start("slave", "start", DOES=does, ARPANET_PLUGINS_TIMEOUT="1"))
    lines = err.decode().splitlines()
    assert lines[0] == "builtin: started"
    assert f"plugin stranger: arpanet_slave_start: {words}" in lines
    assert [line for line in lines if "stranger" in line] == [
        f"plugin stranger: arpanet_slave_start: {words}"
    ]
    assert "last: called" in lines
    assert (code, out) == (0, b"")
    assert (tmp_path / ".local/state/arpanet/started.json").exists()


def test_a_hundred_megabytes_are_cut_and_never_on_stdout(start: Start) -> None:
    code, out, err = finished(start("slave", "start", DOES="print"))
    assert (code, out) == (0, b"")
    assert len(err) < 2_000_000
    assert b"plugin stranger: arpanet_slave_start: too much output, some is left out\n" in err
    code, out, err = finished(start("slave", "stop"))
    assert (code, out) == (0, b"of the built-in\n")
    assert err == b"of the stranger\n"


def test_ctrl_c_ends_a_command_that_waits_for_one(start: Start, tmp_path: Path) -> None:
    process = start("slave", "start", DOES="hang")
    wait_for((tmp_path / "called").exists, 30)
    process.send_signal(signal.SIGINT)
    code, _, err = finished(process)
    assert code == 130
    assert re.search(r"^arpanet: interrupted; the same command", err.decode(), re.MULTILINE)
    assert (tmp_path / "started").exists()
