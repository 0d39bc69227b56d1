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


@pytest.fixture(scope="module", params=TESTED)
def installed(request, tmp_path_factory):
    """A copy of a plugin's sources, and a directory that it is installed in."""
    base = tmp_path_factory.mktemp(request.param)
    kept = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    source = shutil.copytree(CONTRIB / request.param, base / request.param, ignore=kept)
    shutil.copytree(source, base / "built")
    install(base / "built", base / "site")
    return source, base / "site"


def python(installed, *argv):
    source, site = installed
    env = {"PATH": os.environ["PATH"], "HOME": str(source), "PYTHONPATH": str(site)}
    argv = [sys.executable, *argv]
    return subprocess.run(argv, env=env, cwd=source, capture_output=True, text=True, timeout=100)


def test_there_is_something_to_try():
    assert TESTED == ["consul", "example", "webhook"]


def test_it_passes_its_own_tests(installed):
    done = python(installed, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout


def test_it_is_taken_and_its_settings_are_known(installed):
    done = python(installed, "-m", "arpanet", "plugins", "-f", "json")
    assert {row["state"] for row in json.loads(done.stdout)} == {"ok"}, done.stdout
    assert len(json.loads(done.stdout)) == 4
    assert python(installed, "-m", "arpanet", "config").returncode == 0


def test_its_package_has_one_page(installed):
    assert (installed[0] / "README.md").exists()
