"""How the tests themselves are run: signals, skips, what a run says at its end."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.contract.house import ROOT

SIGNALS = """
import signal

def test_signals():
    for one in (signal.SIGINT, signal.SIGTERM):
        assert signal.getsignal(one) is signal.default_int_handler
"""
PATH = """
import os

def test_path():
    assert os.environ.get("PYTHONPATH") == os.environ["EXPECTED"]
"""
SKIPS = """
import pytest

def test_done():
    pass

def test_not_done():
    pytest.skip("no luck")
"""
HANGS = """
import pathlib, time, pytest

@pytest.fixture
def thing(tmp_path):
    yield
    pathlib.Path("tidied").touch()

def test_hangs(thing):
    pathlib.Path("begun").touch()
    time.sleep(600)
"""


@pytest.fixture
def command(tmp_path: Path):
    """Return the command that runs tests of the given text as this project's are run."""

    def write(text: str, *words: str) -> list[str]:
        (tmp_path / "test_it.py").write_text(text)
        base = ["-c", str(ROOT / "tox.ini"), "--rootdir", str(tmp_path), "-p", "tests.conftest"]
        return [sys.executable, "-m", "pytest", *base, *words, "test_it.py"]

    return write


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    kept = {n: value for n, value in kept.items() if not n.startswith(("PYTEST_", "TEST_"))}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def run(argv: list[str], place: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv, cwd=place, env=environment(**more), capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["alone", "side by side"])
def test_signals_are_taken_in_the_background_too(command, tmp_path, words):
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command(SIGNALS, *words)]
    done = run(ignoring, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["alone", "side by side"])
def test_what_tests_start_has_the_environment_of_the_run(command, tmp_path, words):
    done = run(command(PATH, *words), tmp_path, EXPECTED=str(ROOT))
    assert done.returncode == 0, done.stdout


def test_a_skip_is_a_failure_in_ci(command, tmp_path):
    argv = command(SKIPS)
    assert run(argv, tmp_path).returncode == 0
    done = run(argv, tmp_path, CI="true")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


def test_a_module_that_skips_itself_is_one_too(command, tmp_path):
    argv = command('import pytest\npytest.importorskip("nothing_of_that_name")\n')
    assert run(argv, tmp_path).returncode == 5  # no tests
    assert run(argv, tmp_path, CI="true").returncode not in (0, 5)


def test_the_end_says_what_passed_in_how_long(command, tmp_path):
    said = run(command(SKIPS), tmp_path).stdout
    assert re.search(r"^test_it.py.* 1 passed, 1 skipped in \d+ s$", said, re.MULTILINE), said


def test_a_run_that_is_told_to_end_tidies_up(command, tmp_path):
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        command(HANGS), cwd=tmp_path, env=environment(), stdout=nowhere, stderr=nowhere
    ) as process:
        wait_for((tmp_path / "begun").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 2
    assert (tmp_path / "tidied").exists()
