"""The example plugin, installed as anybody would install it, and broken in the usual ways."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "contrib" / "example"

#: What an agent does, without Docker: one container comes and goes, one service comes.
AGENT = """
import logging, sys
from arpanet import events, plugins, settings
from arpanet.context import Context
from arpanet.records import Container, Instance, Snapshot

logging.basicConfig(format="%(message)s")
manager, _ = plugins.load("registrator")
bus = events.Bus(manager)
context = Context(settings.load(settings.declared(bus)), bus, print, "registrator")
redis = Container("1", "r0", "redis", 1, "t0")
after = Snapshot({"x": Instance("x", ("redis",), "h2", "10.0.0.2", 6379)})
context.emit("container.register", container=redis)
context.emit("container.deregister", container=redis)
context.emit("services.changed", before=Snapshot(), after=after)
print({name: one.count for name, one in bus.failures.items()})
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def install(target: Path, *sources: Path) -> None:
    """Install what is in the directories *sources*, in which pip builds, into *target*."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = subprocess.run(
        [*pip, *options, *map(str, sources)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that the example is installed in."""
    base = tmp_path_factory.mktemp("example")
    # pip builds in the source directory, which is to stay clean
    shutil.copytree(EXAMPLE, base / "source")
    install(base / "site", base / "source")
    return base / "site"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run python with a directory of plugins on its path, on a host without Docker."""

    def call(site: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(site),
            "HOSTNAME": "h1",
            "ARPANET_IP": "127.0.0.1",
            "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
            "HELLO_FILE": str(tmp_path / "deep" / "journal"),
        }
        return subprocess.run(
            [sys.executable, *argv], env=env, capture_output=True, text=True, timeout=60
        )

    return call


@pytest.fixture
def broken(good: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a directory with the example installed, one text in its plugin replaced."""

    def make(old: str, new: str) -> Path:
        site = shutil.copytree(good, tmp_path / "broken")
        plugin = site / "arpanet_hello" / "plugin.py"
        text = plugin.read_text()
        assert old in text
        plugin.write_text(text.replace(old, new))
        return site

    return make


def plugins(run: Run, site: Path) -> dict[str, str]:
    done = run(site, "-m", "arpanet", "plugins", "-f", "json")
    assert done.returncode == 0, done.stderr
    return {row["plugin"]: row["state"] for row in json.loads(done.stdout)}


def test_it_is_listed_beside_the_builtins(good: Path, run: Run) -> None:
    states = plugins(run, good)
    assert states == dict.fromkeys(("ambassador", "etcd", "hello", "identity", "registrator"), "ok")


def test_its_setting_is_one_of_arpanets(good: Path, run: Run) -> None:
    done = run(good, "-m", "arpanet", "config", "-f", "json")
    rows = {row["setting"]: row for row in json.loads(done.stdout)}
    assert rows["HELLO_FILE"]["from"] == "environment"
    done = run(good, "-m", "arpanet", "--set", "HELLO_FILE=x", "config")
    assert done.returncode == 3
    assert done.stderr.startswith("arpanet: option: HELLO_FILE='x' must be an absolute path")


def test_its_hooks_are_called_and_its_command_reads_what_they_wrote(
    good: Path, run: Run, tmp_path: Path
) -> None:
    assert run(good, "-c", AGENT).stdout == "{}\n"
    journal = str(tmp_path / "deep" / "journal")
    done = run(good, "-m", "arpanet", "hello", "--file", journal, "-f", "json")
    assert json.loads(done.stdout) == [
        {"event": "register", "what": "r0"},
        {"event": "deregister", "what": "r0"},
        {"event": "services", "what": "+redis"},
    ]


def test_its_commands_errors_are_arpanets(good: Path, run: Run) -> None:
    for argv, code in (("--file=/nonexistent",), 1), ((), 4):
        done = run(good, "-m", "arpanet", "hello", *argv)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith("arpanet: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("from pathlib", "import nothing_here\nfrom pathlib", "No module named 'nothing_here'"),
        ("def arpanet_container_register", "def arpanet_container_registr", "unknown hook"),
        ("context: Context, container", "context: Context, kontainer", "kontainer"),
        ("class HelloPlugin:", "class HelloPlugins:", "HelloPlugin"),
    ],
)
def test_one_that_cannot_be_loaded_is_left_out(
    broken: Callable[[str, str], Path], run: Run, old: str, new: str, words: str
) -> None:
    site = broken(old, new)
    states = plugins(run, site)
    assert words in states.pop("hello")
    assert states == dict.fromkeys(("ambassador", "etcd", "identity", "registrator"), "ok")
    # the rest of arpanet goes on, and says once what is wrong
    done = run(site, "-m", "arpanet", "config", "-f", "json")
    assert done.returncode == 0
    assert "HELLO_FILE" not in done.stdout
    assert done.stderr.count("plugin hello was left out: ") == done.stderr.count("\n") == 1


def test_one_that_raises_stays_alone(broken: Callable[[str, str], Path], run: Run) -> None:
    site = broken('"deregister", container=container.name', '"deregister", 1 / 0')
    done = run(site, "-c", AGENT)
    assert done.stdout == "{'hello': 1}\n"
    assert done.stderr.startswith("plugin hello: arpanet_container_deregister\nTraceback")
    assert "ZeroDivisionError" in done.stderr
