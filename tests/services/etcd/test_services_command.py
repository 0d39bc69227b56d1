"""``arpanet services --watch`` beside a real etcd, as a process that is interrupted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.services.etcd.hosts import H1, instance

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def watch(one_etcd, layout, tmp_path) -> Iterator[Start]:
    """Start ``arpanet services`` with these arguments, its output in ``out`` and ``err``."""
    started: list[subprocess.Popen[str]] = []
    masters = one_etcd.endpoints[0].removeprefix("http://")
    env = {
        **os.environ,
        "HOME": str(tmp_path),
        "ARPANET_IP": "10.0.0.9",
        "ARPANET_TLS": "off",
        "ARPANET_REGISTRY": f"etcd://{masters}{layout.root.rstrip('/')}",
    }

    def start(*argv: str) -> "subprocess.Popen[str]":
        with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
            command = [sys.executable, "-m", "arpanet", "services", *argv]
            # not every parent leaves Ctrl-C as a terminal has it, and a child inherits that
            command[:0] = ["env", "--default-signal=INT"]
            process = subprocess.Popen(command, env=env, stdout=out, stderr=err)
        started.append(process)
        return process

    yield start
    for one in started:
        one.kill()
        one.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_changes_come_as_they_happen_and_an_interrupt_ends_it(
    one_etcd, connect, watch, tmp_path: Path, number: signal.Signals
) -> None:
    session = connect(one_etcd).session(H1)
    session.publish([instance(1)])
    process = watch("web", "--watch", "-f", "json")

    def lines() -> list[tuple[str, str]]:
        found = map(json.loads, (tmp_path / "out").read_text().splitlines())
        return [(one["change"], one["instance"]) for one in found]

    first, second = instance(1).id, instance(2).id
    wait_for(lambda: lines() == [("added", first)])
    session.publish([instance(2)])
    wait_for(lambda: sorted(lines()[1:]) == [("added", second), ("removed", first)])
    process.send_signal(number)
    assert process.wait(10) == 0
    assert (tmp_path / "err").read_text() == ""
