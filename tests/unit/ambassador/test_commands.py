"""The process in the container that clients are linked to."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stays_until_it_is_told_to_end(number):
    command = [sys.executable, "-m", "arpanet", "hold"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert "runs in another container" in process.stdout.readline()
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(10) == 0
