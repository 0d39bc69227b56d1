"""The plugins in contrib, installed as anybody would install them, pass their own tests."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.contract.house import ROOT
from tests.contract.test_example import install

CONTRIB = ROOT / "contrib"
TESTED = sorted(path.parent.name for path in CONTRIB.glob("*/tests"))


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Run python beside a copy of a plugin's sources, where all of them are installed."""
    base = tmp_path_factory.mktemp("contrib")
    kept = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    for name in TESTED:
        shutil.copytree(CONTRIB / name, base / name, ignore=kept)
    # pip builds in the source directory, which is to stay clean
    built = [shutil.copytree(base / name, base / "built" / name) for name in TESTED]
    install(base / "site", *built)
    env = {"PATH": os.environ["PATH"], "HOME": str(base), "PYTHONPATH": str(base / "site")}

    def run(name, *argv):
        argv = [sys.executable, *argv]
        return subprocess.run(
            argv, env=env, cwd=base / name, capture_output=True, text=True, timeout=100
        )

    return run


def test_there_is_something_to_try():
    assert TESTED == ["consul", "example", "webhook"]


@pytest.mark.parametrize("name", TESTED)
def test_it_passes_its_own_tests(python, name):
    done = python(name, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout


def test_all_are_taken(python):
    done = python(".", "-m", "arpanet", "plugins", "-f", "json")
    states = {row["plugin"]: row["state"] for row in json.loads(done.stdout)}
    builtins = ("ambassador", "etcd", "identity", "registrator")
    assert states == dict.fromkeys(("consul", "hello", "webhook", *builtins), "ok")
    assert python(".", "-m", "arpanet", "config").returncode == 0


@pytest.mark.parametrize("name", TESTED)
def test_each_has_one_page(name):
    assert (CONTRIB / name / "README.md").exists()
