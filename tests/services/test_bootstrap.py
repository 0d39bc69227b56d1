"""``bootstrap.sh``: installs, says what it changes, and takes it off again."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bootstrap.sh"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def bootstrap(tmp_path: Path):
    """Run the script with an installation of the test's own."""
    environment = {
        **os.environ,
        "ARPANET_PREFIX": str(tmp_path / "prefix"),
        "ARPANET_COMMAND": str(tmp_path / "arpanet"),
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SCRIPT, *words], env=environment, capture_output=True, text=True, timeout=280
        )

    return run


def test_install_and_uninstall(bootstrap, tmp_path: Path):
    done = bootstrap()
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "prefix") in done.stderr
    assert done.stderr.splitlines()[-1].endswith("in ~/.arpanetrc, then: arpanet up")
    command = tmp_path / "arpanet"
    version = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("arpanet ")
    assert bootstrap("--uninstall").returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert bootstrap("--uninstall").returncode == 0  # nothing to do is no error


def test_somebody_elses_command_is_not_replaced(bootstrap, tmp_path: Path):
    (tmp_path / "arpanet").write_text("theirs")
    done = bootstrap()
    assert done.returncode == 1
    assert "exists and is not arpanet's" in done.stderr
    bootstrap("--uninstall")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("arpanet", "theirs")]


@pytest.mark.parametrize("words", [("frobnicate",), ("test", "more")])
def test_what_makes_no_sense(bootstrap, words):
    done = bootstrap(*words)
    assert done.returncode == 2
    assert "usage: ./bootstrap.sh" in done.stderr


def test_help_changes_nothing(bootstrap, tmp_path: Path):
    done = bootstrap("--help")
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "--uninstall" in done.stdout
