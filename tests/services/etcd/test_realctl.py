"""``arpanet etcdctl`` where the host has an etcdctl of its own."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_command_ends_etcdctl(
    one_etcd, layout, tmp_path: Path, number: signal.Signals
) -> None:
    """Else it would go on for ever, and hold what its output goes to."""
    key = f"{layout.root}a"
    with closing(one_etcd.gateway) as gateway:
        revision = gateway.put(key, "1")
    (place,) = one_etcd.endpoints
    given = {"HOME": str(tmp_path), "ARPANET_IP": "10.0.0.9", "ARPANET_TLS": "off"}
    given["ARPANET_MASTERS"] = place.removeprefix("http://")
    words = ["etcdctl", "--endpoints", place, "watch", f"--rev={revision}", key]
    process = subprocess.Popen(
        # not every parent leaves Ctrl-C as a terminal has it, and a child inherits that
        ["env", "--default-signal=INT", sys.executable, "-m", "arpanet", *words],
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "PUT\n"
            process.send_signal(number)
            process.communicate(timeout=30)  # until nobody holds its output any more
        finally:
            process.kill()
    assert process.returncode
