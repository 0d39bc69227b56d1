"""A registry that is no part of arpanet: held to the contract, and used wherever one is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arpanet.records import Host
from arpanet.testing import instance
from arpanet.testing.registry import RegistryContract
from tests.contract.shelf.arpanet_shelf import ShelfRegistry
from tests.contract.test_example import install

SHELF = Path(__file__).parent / "shelf"

#: What each agent has for a registry; Docker is not asked for.
AGENTS = """
from arpanet import events, plugins, settings
from arpanet.context import Context

for name in ("registrator", "ambassador", "own"):
    bus = events.Bus(plugins.load(name)[0])
    context = Context(settings.load(settings.declared(bus)), bus, print, name)
    print(name, type(context.registry).__name__, *context.registry.read().services())
"""


class TestShelf(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path):
        one = ShelfRegistry(tmp_path / "shelf")
        yield one
        one.close()

    @pytest.fixture
    def other(self, tmp_path):
        one = ShelfRegistry(tmp_path / "shelf")
        yield one
        one.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    base = tmp_path_factory.mktemp("shelf")
    shutil.copytree(SHELF, base / "source", ignore=shutil.ignore_patterns("__pycache__"))
    install(base / "site", base / "source")
    return base / "site"


@pytest.fixture
def run(site, tmp_path):
    """Run python where the plugin is installed and its registry is the one that is set."""

    def call(*argv):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(site),
            "HOSTNAME": "h1",
            "ARPANET_IP": "127.0.0.1",
            "ARPANET_REGISTRY": f"shelf://{tmp_path}/shelf",
            "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
        }
        argv = [sys.executable, *argv]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)

    ShelfRegistry(tmp_path / "shelf").session(Host("h2", "10.0.0.2")).publish([instance("redis")])
    return call


def test_every_agent_has_it(run):
    done = run("-c", AGENTS)
    assert done.stdout.splitlines() == [
        "registrator ShelfRegistry redis",
        "ambassador ShelfRegistry redis",
        "own ShelfRegistry redis",
    ], done.stderr


def test_the_command_line_reads_it_and_masters_are_its_own(run):
    rows = json.loads(run("-m", "arpanet", "services", "-f", "json").stdout)
    assert [(row["service"], row["address"]) for row in rows] == [("redis", "10.0.0.2:6379")]
    (master,) = json.loads(run("-m", "arpanet", "hosts").stdout)
    assert master["name"] == "shelf"
    status = json.loads(run("-m", "arpanet", "status", "-f", "json").stdout)
    assert "masters" not in {row["part"] for row in status}
