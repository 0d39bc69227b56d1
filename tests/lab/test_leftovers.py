"""However a lab's command ends, nothing stays that down does not take away."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from arpanet_lab import cgroups, engine, holding
from arpanet_lab.lab import Lab

from arpanet.errors import ArpanetError, EngineError, UsageError
from tests.conftest import wait_for
from tests.support.labs import needs_lab

pytestmark = needs_lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab(f"tu-{os.getpid()}")
    yield lab
    lab.down()


def arpanet(*words: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "arpanet", "lab", *words]
    env = {**os.environ, **environment}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)


def leftovers(lab: Lab) -> list[str]:
    # each by its path: what other labs have there comes and goes while it is looked at
    places = [top / cgroups.ROOT / lab.name for top in cgroups._hierarchies()]
    found = [str(path) for path in places if path.exists()]
    found += [str(path) for path in Path("/sys/class/net").glob(f"al-{lab.name}")]
    mark = str(lab.directory).encode()
    found += [
        mount for mount in Path("/proc/mounts").read_text().split() if str(lab.directory) in mount
    ]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [str(path)] if mark in path.read_bytes() else []
        except OSError:
            continue
    return found + [str(path) for path in [lab.directory] if path.exists()]


@pytest.mark.parametrize("moment", [0.3, 0.4, 0.5, 0.6, 0.8, 1.1])
def test_up_that_is_killed(lab: Lab, moment: float) -> None:
    process = arpanet("up", "--hosts", "2", "--name", lab.name)
    with process:
        time.sleep(moment)  # a moment is what this is about
        process.kill()
    lab.down()
    assert leftovers(lab) == []


def test_up_goes_on_where_one_was_killed(lab: Lab) -> None:
    with arpanet("up", "--hosts", "2", "--name", lab.name) as process:
        wait_for((lab.directory / "host1").exists)
        process.kill()
    assert lab.up(1) == ["host1"] or [line.power for line in lab.status()] == ["up", "up"]
    assert lab.status()[0].docker


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_that_is_interrupted(lab: Lab, number: signal.Signals, tmp_path: Path) -> None:
    slow = tmp_path / "dockerd"  # else the lab may be up before this process has its turn
    slow.write_text(f'#!/bin/sh\nsleep 5\nexec {shutil.which("dockerd")} "$@"\n')
    slow.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    with arpanet("up", "--hosts", "3", "--name", lab.name, PATH=path) as process:
        wait_for((lab.directory / "host2").exists)
        process.send_signal(number)
        words = process.communicate(timeout=120)[1]
    assert process.returncode == 130 and "Traceback" not in words
    assert leftovers(lab) == []


def test_up_that_fails(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "dockerd"
    fake.write_text("#!/bin/sh\necho no luck today\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match="dockerd of host1 does not answer: no luck today"):
        lab.up(2)
    assert leftovers(lab) == []


def test_growing_that_fails(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.up(1)
    with monkeypatch.context() as patch:
        fake = tmp_path / "dockerd"
        fake.write_text("#!/bin/sh\nexit 1\n")
        fake.chmod(0o755)
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(EngineError, match="host2"):
            lab.up(2)
    assert [(line.host, line.power, line.docker) for line in lab.status()] == [
        ("host1", "up", True)
    ]
    assert lab.up(2) == ["host2"]
    assert "host2" in lab.host("host1").run(["cat", "/etc/hosts"]).stdout
    lab.kill("host1")
    assert lab.up() == ["host1"]
    lab.host("host1").run(["sh", "-c", "sleep 99999 > /dev/null 2>&1 &"])
    assert lab.down()
    assert leftovers(lab) == []
    assert not lab.down()


def test_two_labs_at_once(lab: Lab) -> None:
    other = Lab(f"tv-{os.getpid()}")
    try:
        lab.up(1)
        other.up(1)
        assert lab.hosts[0].ip != other.hosts[0].ip
        lab.down()
        assert other.status()[0].docker
    finally:
        other.down()
    assert leftovers(other) == []


def test_down_ends_a_lab_that_another_installation_made(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(Path(holding.__file__).parent, tmp_path / "arpanet_lab")
    with monkeypatch.context() as patch:
        patch.setattr(holding, "_SCRIPT", other / "holder.py")
        lab.up(1)
    assert lab.down()
    assert leftovers(lab) == []


def test_two_downs_side_by_side(lab: Lab) -> None:
    lab.up(2)
    lab.load_image("busybox")
    for host in lab.hosts:
        for _ in range(3):
            host.run(["docker", "run", "-d", "busybox", "sleep", "99999"])
    for process in [arpanet("down", "--name", lab.name) for _ in range(2)]:
        words = process.communicate(timeout=120)[1]
        assert process.returncode == 0, words
        assert "Traceback" not in words
    assert leftovers(lab) == []


BOUND = """
import signal, sys
from arpanet_lab.lab import Lab
Lab(sys.argv[1], bound=True).up(2)
print("up", flush=True)
signal.pause()
"""


def test_a_bound_lab_has_no_power_without_its_process(lab: Lab) -> None:
    command = [sys.executable, "-c", BOUND, lab.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        assert [line.power for line in lab.status()] == ["up", "up"]
        process.kill()
    wait_for(lambda: not [one for one in leftovers(lab) if one.startswith("/proc")])
    assert lab.down()
    assert leftovers(lab) == []


def test_a_lab_started_in_the_background_takes_signals(lab: Lab) -> None:
    line = f"trap '' INT; exec {sys.executable} -m arpanet lab up --hosts 1 --name {lab.name}"
    subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=120)
    host = lab.host("host1")
    (dockerd,) = engine._pids(host)
    status = Path(f"/proc/{host.pid}/root/proc/{dockerd}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert not ignored & 1 << signal.SIGINT - 1


def test_words_of_the_command_line(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    from arpanet.cli.app import main

    def words(*line: str) -> tuple[int, str, str]:
        code = main(["lab", *line])
        out, err = capfd.readouterr()
        return code, out, err.splitlines(keepends=True)[-1] if err else ""

    name = ["--name", lab.name]
    code, out, err = words("status", *name)
    assert (code, out) == (2, "") and "is not up; arpanet lab up" in err
    assert words("up", "--hosts", "51", *name)[0] == 2
    assert words("up", "--name", "no/good")[0] == 2
    assert words("up", "--hosts", "1", *name) == (0, "", f"host1 {lab.hosts[0].ip}\n")
    assert "runs already" in words("up", *name)[2]
    code, out, err = words("status", "-f", "json", *name)
    assert '"state": "up"' in out and code == 0
    assert words("kill", "host1", *name)[0] == 0
    assert "host1,10" in (line := words("status", "-f", "csv", "--quote", "none", *name)[1])
    assert line.endswith(",off,down\n")
    assert words("exec", *name, "host1", "--", "true")[2].startswith("arpanet: host1 is off")
    assert words("cut", "host9", *name)[0] == 2
    assert words("down", *name)[:2] == (0, "")
    assert words("down", *name) == (0, "", f"lab {lab.name} is not up\n")


def test_a_tool_is_missing(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArpanetError, match="ip is not installed; apt-get install iproute2"):
        lab.up(1)
    monkeypatch.undo()


def test_only_root(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 1000)
        for attempt in (lab.up, lab.down):
            with pytest.raises(UsageError, match="only root"):
                attempt()
