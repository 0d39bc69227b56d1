"""The real command line, in this process, without Docker or a registry."""

import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from arpanet import hookimpl, logs, plugins
from arpanet.__main__ import main
from arpanet.records import Instance, Link, Member, Status, Target
from arpanet.registry import MemoryRegistry


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Let stderr be a terminal, from here on: pytest has one for the test itself."""

    def begin() -> Terminal:
        shown = Terminal()
        monkeypatch.setattr(sys, "stderr", shown)
        monkeypatch.setenv("TERM", "xterm")
        logs.to_terminal()
        return shown

    return begin


class Recorder:
    """A plugin that notes every event and answers every question."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.store = MemoryRegistry()
        self.fails: Exception | None = None

    def note(self, event: str, what: Any) -> None:
        self.heard.append((event, what))
        if self.fails:
            raise self.fails

    @hookimpl
    def arpanet_registry(self) -> MemoryRegistry:
        return self.store

    @hookimpl
    def arpanet_masters(self) -> list[Member]:
        return [Member("h1", "8e9e", ("http://10.0.0.1:7001",), ("http://10.0.0.1:4001",))]

    @hookimpl
    def arpanet_links(self) -> list[Link]:
        good = Link("web", 6379, "redis", "redis:6379", (Target("10.0.0.1", 10000),), "kernel")
        return [good, Link("web", 80, "?", "localhost:80", error="'?' is no service name")]

    @hookimpl
    def arpanet_status(self) -> list[Status]:
        return [Status("thing", "ok", "1 of 1")]

    @hookimpl
    def arpanet_host_join(self, place: str, token: str) -> None:
        self.note("host.join", (place, token))

    @hookimpl
    def arpanet_install(self, role: str) -> None:
        self.note("install", role)

    @hookimpl
    def arpanet_master_start(self, formation: Any) -> None:
        self.note("master.start", formation)

    @hookimpl
    def arpanet_master_stop(self, leave: bool) -> None:
        self.note("master.stop", leave)

    @hookimpl
    def arpanet_slave_start(self, context: Any) -> None:
        self.note("slave.start", context.settings.explicit())

    @hookimpl
    def arpanet_slave_stop(self) -> None:
        self.note("slave.stop", None)


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    """Let the recorder stand in for the built-in plugins, under the name of one."""
    import pluggy

    from arpanet import hookspecs

    plugin = Recorder()

    def load(
        agent: str | None = None, blocked: Iterable[str] = ()
    ) -> tuple[pluggy.PluginManager, list[plugins.Loaded]]:
        manager = pluggy.PluginManager("arpanet")
        manager.add_hookspecs(hookspecs)
        manager.register(plugin, "recorder")
        return manager, [plugins.Loaded("recorder", "arpanet", "1", "tests:Recorder")]

    monkeypatch.setattr(plugins, "load", load)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    for name in ("ARPANET_IP", "ARPANET_MASTERS", "HOSTNAME", "DOCKER_PORT"):
        monkeypatch.delenv(name, raising=False)
    plugin.store.change("h1", None, [Instance("h1:r0:6379", ("redis",), "h1", "10.0.0.1", 10000)])
    return plugin


@pytest.fixture
def arpanet(recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run ``arpanet ...``; returns the exit code and both outputs."""

    def run(*argv: str) -> Result:
        try:
            code = main(list(argv))
        except SystemExit as stop:  # argparse ends a command that it can't parse in this way
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run
